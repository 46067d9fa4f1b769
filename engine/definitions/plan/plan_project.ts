import { join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { ProjectPlan } from "../../../contract/plan/plan.ts";
import { UNKNOWN_REVISION } from "../../../contract/plan/reasons.ts";
import { environmentOf } from "../../../contract/environments/pipeline_name.ts";
import { quoteName } from "../../../contract/names.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import { publishedReads } from "../../../contract/snapshots/source.ts";
import type { Store } from "../../store/store.ts";
import { type LoadedProject, loadProject } from "../load.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import { planPipelines } from "./plan_pipelines.ts";
import { type PlanSide, sideOfProject, sideOfRevision } from "./plan_side.ts";
import { type PublishingByPipeline, publishingInForce, withReadFaults } from "../published/check_reads.ts";
import { withPlanReaders } from "./plan_readers.ts";
import type { PlanContext, PlannedPipeline } from "./planned_pipeline.ts";
import { readScriptTexts } from "./project_sources.ts";

/** What a project's folder is compared with. */
export type PlanBase =
  | { readonly kind: "in_force"; readonly store: Store }
  | { readonly kind: "revision"; readonly store: Store; readonly id: string }
  | { readonly kind: "folder"; readonly folder: string; readonly name: string };

export interface ProjectPlanOptions {
  /** The project as it would be. */
  readonly folder: string;
  readonly base: PlanBase;
  /** As both are in this environment; in production by default. */
  readonly environment?: string | undefined;
  /** One pipeline; all by default. */
  readonly pipeline?: string | undefined;
  readonly select?: string | undefined;
  /** Whether a pipeline that the project does not have any more may be told of. */
  readonly mayView?: (pipeline: string) => boolean;
}

/** See Plans.plan. */
export async function planProject(
  context: PlanContext,
  { folder, base, environment, pipeline, select, mayView = () => true }: ProjectPlanOptions,
  signal: AbortSignal,
): Promise<ProjectPlan> {
  const loaded = await loadProject(folder, { connectorTypes: context.connectors, environment });
  signal.throwIfAborted();
  const project = { ...loaded, pipelines: await withKnownReads(loaded, base) };
  const befores = await beforesOf(context, base, environment);
  const names = [
    ...new Set([
      ...project.pipelines.map(({ name }) => name),
      ...befores.names.filter((name) => mayView(name)),
    ]),
  ].sort();
  const wanted = pipeline ?? befores.only;
  if (wanted !== undefined && !names.includes(wanted)) {
    throw new AppError(
      "not_found",
      `There is no pipeline ${quoteName(wanted)} in the project${didYouMeanOneOf(wanted, names)}`,
    );
  }
  // What it publishes, and what it reads of others, has to do with those that are not asked for.
  const isAlone = project.pipelines.every(({ definition }) =>
    definition === undefined || publishedReads(definition).length === 0
  );
  const planned: PlannedPipeline[] = [];
  for (const name of wanted !== undefined && isAlone ? [wanted] : names) {
    const after = project.pipelines.find((loaded) => loaded.name === name);
    const { side: before, against } = await befores.of(name);
    const afterScripts = after?.definition === undefined
      ? []
      : await readScriptTexts(folder, after.definition, before?.scripts ?? []);
    planned.push({ name, before, against, after, afterScripts });
  }
  const only = wanted === undefined ? undefined : new Set([wanted]);
  const plans = await planPipelines(context, planned, { select, only }, signal);
  const publishedBefore = new Map(planned.map(({ name, before }) => [name, before?.definition]));
  return {
    faults: [...project.faults],
    pipelines: withPlanReaders(plans, publishedBefore, project.pipelines),
  };
}

/** Streams of an environment read what production has published, as far as that is known. */
async function withKnownReads(
  { pipelines, environment }: LoadedProject,
  base: PlanBase,
): Promise<readonly LoadedPipeline[]> {
  if (environment === null) return await withReadFaults(pipelines, () => othersOf(base));
  if (base.kind === "folder") return pipelines;
  return await withReadFaults(pipelines, () => publishingInForce(base.store, () => false));
}

/** What came over the API may be read as well. */
async function othersOf(base: PlanBase): Promise<PublishingByPipeline> {
  return base.kind === "folder"
    ? new Map()
    : await publishingInForce(base.store, ({ origin }) => origin === "files");
}

interface Befores {
  /** Pipelines that there are. */
  readonly names: readonly string[];
  /** The only one that there can be. */
  readonly only?: string;
  of(name: string): Promise<{ readonly side: PlanSide | undefined; readonly against: string }>;
}

const ID_SHOWN = 12;

async function beforesOf(
  context: PlanContext,
  base: PlanBase,
  environment: string | undefined,
): Promise<Befores> {
  if (base.kind === "in_force") return await inForce(base.store, environment ?? null);
  if (base.kind === "revision") return await ofRevision(base.store, base.id);
  return await ofFolder(context, base.folder, base.name, environment);
}

/** What came over the API is not of the project. */
async function inForce(store: Store, environment: string | null): Promise<Befores> {
  const records = (await store.pipelines.list()).filter(({ name, origin }) =>
    origin === "files" && environmentOf(name) === environment
  );
  return {
    names: records.map(({ name }) => name),
    async of(name) {
      const id = records.find((record) => record.name === name)?.revision ?? null;
      const found = id === null ? undefined : await store.revisions.get(id);
      if (found === undefined) return { side: undefined, against: "what is in force" };
      const { revision } = found;
      const text = await store.pipelines.source(name);
      return {
        side: sideOfRevision(revision, await connectorsOf(store, revision.id), text),
        against: `what is in force (revision ${revision.id.slice(0, ID_SHOWN)})`,
      };
    },
  };
}

/** `part` is an id or the beginning of one. */
async function ofRevision(store: Store, part: string): Promise<Befores> {
  const [id = part, other] = await store.revisions.idsLike(part, 2);
  if (other !== undefined) {
    throw new AppError("conflict", `${quoteName(part)} names several revisions: write more of the id`);
  }
  const found = await store.revisions.get(id);
  if (found === undefined) {
    throw new AppError("not_found", `There is no revision ${quoteName(part)}`, { reason: UNKNOWN_REVISION });
  }
  const { revision } = found;
  const connectors = await connectorsOf(store, revision.id);
  return {
    names: [revision.pipeline],
    only: revision.pipeline,
    of: (name) =>
      Promise.resolve({
        side: name === revision.pipeline ? sideOfRevision(revision, connectors, undefined) : undefined,
        against: `revision ${revision.id.slice(0, ID_SHOWN)}`,
      }),
  };
}

/** Undefined where their key is lost: then nothing is said of them. */
async function connectorsOf({ revisions }: Store, id: string): Promise<PlanSide["connectors"]> {
  try {
    return await revisions.connectors(id);
  } catch (error) {
    if (error instanceof AppError && error.code === "invalid") return undefined;
    throw error;
  }
}

async function ofFolder(
  context: PlanContext,
  folder: string,
  name: string,
  environment: string | undefined,
): Promise<Befores> {
  const project: LoadedProject = await loadProject(folder, {
    connectorTypes: context.connectors,
    environment,
  });
  return {
    names: project.pipelines.map((pipeline) => pipeline.name),
    async of(pipeline) {
      const loaded = project.pipelines.find((one) => one.name === pipeline);
      if (loaded === undefined) return { side: undefined, against: name };
      return { side: await sideInFolder(folder, loaded), against: name };
    },
  };
}

/** Throws invalid where the pipeline has faults there: nothing can be held against it. */
async function sideInFolder(folder: string, loaded: LoadedPipeline): Promise<PlanSide> {
  const scripts = loaded.definition === undefined ? [] : await readScriptTexts(folder, loaded.definition, []);
  const side = sideOfProject(loaded, scripts);
  if (side !== undefined) return side;
  const [fault] = loaded.faults;
  throw new AppError(
    "invalid",
    `Cannot compare with ${join(loaded.path)} as it was: ${fault?.message ?? "it cannot be read"}`,
  );
}
