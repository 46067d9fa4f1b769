import type { PromotedEnvironment } from "../../../contract/environments/environment.ts";
import { placedName, splitPlacedName } from "../../../contract/environments/pipeline_name.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Run } from "../../../contract/run.ts";
import { isRunnable } from "../../definitions/check/check_context.ts";
import { currentRevision } from "../../definitions/revision.ts";
import type { LoadedProject } from "../../definitions/load.ts";
import { warehousePath, warehouseState } from "../../runs/warehouses/warehouse_file.ts";
import type { PipelineRecord } from "../../store/ports/definitions.ts";
import type { EnvironmentRecord } from "../../store/environments/port.ts";
import type { Store } from "../../store/store.ts";
import type { DefinitionChanges } from "../definition_changes.ts";
import type { RunRequest } from "../requests/run_maker.ts";
import type { CheckedOut } from "../versions/project_source.ts";
import type { PromoteRequest } from "./port.ts";
import { requireReady } from "./require_ready.ts";

export interface PromoteContext {
  readonly store: Store;
  readonly dataDir: string;
  readonly definitions: Pick<DefinitionChanges, "applyProject" | "load" | "look">;
  readonly requests: {
    trigger(pipeline: string, request: RunRequest): Promise<Run>;
  };
}

/** The steps that a promotion's run is for; asked for again as a rerun, it builds them. */
const PROMOTED_STEPS = "state:modified+";

/**
 * Puts what is in force in an environment in force in production, where it is still what its files say: what was tried is
 * what is promoted, and nothing newer. Of each pipeline that has run there a run then takes over the tables that production
 * would build the same.
 */
export async function promoteEnvironment(
  { store, definitions, dataDir, requests }: PromoteContext,
  record: EnvironmentRecord,
  chosen: readonly PipelineRecord[],
  { pipelines: only, takesTables = true, triggeredBy }: PromoteRequest,
): Promise<PromotedEnvironment> {
  const { name: environment, ref } = record;
  await requirePromotable(store, record, chosen, only);
  const pipelines = chosen.map(({ name }) => splitPlacedName(name).pipeline);
  const applied = await definitions.applyProject({
    ...(ref === null ? { pipelines } : { ref }),
    before: async (from) =>
      await requireSame(from, await definitions.load(from, environment), record, chosen),
  });
  const inForce = await store.pipelines.getAll(pipelines);
  const promoted: PromotedEnvironment["promoted"] = [];
  for (const pipeline of pipelines) {
    const { revision = null } = inForce.get(pipeline) ?? {};
    const isApplied = [...applied.applied, ...applied.unchanged].includes(pipeline);
    const path = warehousePath(dataDir, placedName({ pipeline, environment }));
    const hasTables = takesTables && isApplied && await warehouseState(path) !== "none";
    const run = hasTables
      ? await requests.trigger(pipeline, {
        trigger: "promotion",
        promotes: environment,
        select: PROMOTED_STEPS,
        ...(triggeredBy === undefined ? {} : { triggeredBy }),
      })
      : undefined;
    promoted.push({ pipeline, revision, run: run?.id ?? null });
  }
  return { environment, promoted, applied };
}

/** Throws `conflict` or `invalid` where the environment, or these of its pipelines, cannot be promoted now. */
export async function requirePromotable(
  { versions }: Pick<Store, "versions">,
  record: EnvironmentRecord,
  chosen: readonly PipelineRecord[],
  only: readonly string[] | undefined,
): Promise<void> {
  requireReady(record);
  const { name: environment, ref } = record;
  if (chosen.length === 0) {
    throw new AppError("conflict", `Nothing is in force in the environment ${environment}`);
  }
  if (ref !== null && only !== undefined) {
    throw new AppError(
      "invalid",
      `The environment ${environment} comes from ${ref}, which is put in force as a whole: leave the pipelines out`,
    );
  }
  const production = await versions.source();
  if (ref === null && production !== undefined) {
    throw new AppError(
      "conflict",
      `Production is what ${production.ref} says, and the environment ${environment} what the project's folder says: ` +
        "apply that with --ref in the environment, or the folder in production, first",
    );
  }
}

/** Throws `conflict` where the files, as they are in the environment, do not say what is in force there. */
export async function requireSame(
  from: CheckedOut | undefined,
  project: LoadedProject,
  { name: environment, ref, commit }: EnvironmentRecord,
  chosen: readonly PipelineRecord[],
): Promise<void> {
  if (from !== undefined && from.applied.commit !== commit) {
    throw new AppError(
      "conflict",
      `${from.applied.ref} is ${from.applied.commit.slice(0, 12)} by now, and ${
        commit?.slice(0, 12)
      } in ${environment}: ${tryAgain(environment, ref)}`,
    );
  }
  for (const { name, revision, faults } of chosen) {
    const loaded = project.pipelines.find((pipeline) => pipeline.name === name);
    const id = loaded?.definition === undefined ? undefined : (await currentRevision(loaded, undefined)).id;
    if (id !== undefined && id === revision && isRunnable(faults)) continue;
    throw new AppError(
      "conflict",
      `What is in force as ${name} is not what the files say now: ${tryAgain(environment, ref)}`,
    );
  }
}

const tryAgain = (environment: string, ref: string | null): string =>
  `try that first, with sluice apply --env ${environment}${ref === null ? "" : ` --ref ${ref}`}`;
