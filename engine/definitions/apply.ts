import type { Fault } from "../../text/fault.ts";
import { AppError } from "../../contract/errors.ts";
import { environmentOf, splitPlacedName } from "../../contract/environments/pipeline_name.ts";
import { quoteName, requireName } from "../../contract/names.ts";
import { didYouMeanOneOf } from "../../text/suggest.ts";
import type { PipelineSource, ReadableRevision, Revision } from "../../contract/revision.ts";
import { PUBLISHED_CONNECTOR, publishedReads } from "../../contract/snapshots/source.ts";
import type { ApplyResult } from "../../contract/run.ts";
import { currentRevision } from "./revision.ts";
import { type CheckContext, type CheckedPipeline, isRunnable } from "./check/check_context.ts";
import { checkPipelines } from "./check/check_pipelines.ts";
import { afterInForce, withTriggerFaults } from "./check_triggers.ts";
import { gitCommit } from "./git/work_tree.ts";
import { keepNames, type LoadedProject, loadProject } from "./load.ts";
import type { ParsedNotifiers } from "./notifiers/parse_notifiers.ts";
import { mendRevisions } from "./mend_revisions.ts";
import { type LoadedPipeline, namedConnectors, parsePipeline } from "./parse_pipeline.ts";
import { modelFiles } from "./project/model_files.ts";
import { readProjectParts } from "./project/project_parts.ts";
import { isToldAlready, piiFaults } from "./project/pii_faults.ts";
import { publishingInForce, withReaders, withReadFaults } from "./published/check_reads.ts";
import { bundleConnectorScripts, scriptsOfConnectors } from "./scripts/connector_scripts.ts";
import { refuseScripts } from "./scripts/read_scripts.ts";
import { ScriptBundles } from "./scripts/script_bundles.ts";
import type { Store } from "../store/store.ts";

/**
 * Puts definitions in force: what was read becomes an immutable revision, once it has been checked.
 * A pipeline with an error keeps the revision it had, and shows its faults.
 */

export interface ApplyContext extends CheckContext {
  readonly store: Store;
  /** Where its pipelines are put in force; in production by default. */
  readonly environment?: string | null;
  /** Only these pipelines, by their names in the files; others stay as they are. All by default. */
  readonly only?: readonly string[] | undefined;
  /** What the project's files say, where they have just been read for the same environment. */
  readonly project?: LoadedProject | undefined;
  /** The commit that the files are of, null where none is known; asked of git where it is absent. */
  readonly commit?: string | null | undefined;
  /** Called with the pipelines that are about to be checked. */
  readonly onChecking?: (pipelines: readonly string[]) => void;
  /** Called with the last revision of a pipeline that is removed. */
  readonly onRemoved?: (revision: ReadableRevision) => void;
  /** Called when what a pipeline's files say is in force, or was found to be wrong. */
  readonly onChecked?: (pipeline: string) => void;
}

/** What a definition that is put in force may not go beyond. */
export interface DefinitionLimits {
  /** Throws where whoever asks may not use one of these connectors. */
  readonly requireConnectors: (names: readonly string[]) => void;
  /** Throws where they may not see the data of one of these pipelines. */
  readonly requireData: (pipelines: readonly string[]) => Promise<void>;
}

const NO_LIMITS: DefinitionLimits = {
  requireConnectors: () => {},
  requireData: () => Promise.resolve(),
};

/** Applies what the project's files say. Throws not_found where there is no project folder, or no such environment. */
export async function applyProject(context: ApplyContext, signal: AbortSignal): Promise<ApplyResult> {
  const { store, projectDir, environment = null } = context;
  const before = new Map(
    (await store.pipelines.list()).filter(({ name }) => environmentOf(name) === environment)
      .map((record) => [record.name, record]),
  );
  const inForce = new Set(
    [...before.values()].filter(({ revision }) => revision !== null).map(({ name }) => name),
  );
  const loaded = context.project ?? await loadProject(projectDir, {
    connectorTypes: context.connectors,
    scripts: context.scripts ?? new ScriptBundles(),
    environment,
  });
  const project = chosenOf(keepNames(loaded, inForce), context.only);
  const commit = context.commit === undefined
    ? await gitCommit(projectDir, { signal })
    : context.commit ?? undefined;
  const lost: Fault[] = [];
  if (environment === null) {
    // What an environment is tried with must not become what production is asked by.
    await store.pipelines.putConnectors(project.connectors);
    await putNotifiers(store, project.notifiers);
    lost.push(...await mendRevisions(store, before.values(), project.connectors));
  }
  const { applied, unchanged, faults } = await applyLoaded(
    context,
    environment === null
      ? await withReadFaults(
        withTriggerFaults(project.pipelines, await afterInForce(store, isOfFiles)),
        () => publishingInForce(store, isOfFiles),
      )
      // What is published there is of no use to anybody else: streams read what production has published.
      : await withReadFaults(project.pipelines, () => publishingInForce(store, () => false)),
    "files",
    commit,
    signal,
  );
  const removed: string[] = [];
  const names = new Set(project.pipelines.map((pipeline) => pipeline.name));
  for (const record of before.values()) {
    if (context.only !== undefined || !project.isWhole) break;
    if (record.origin !== "files" || names.has(record.name)) continue;
    const last = record.revision === null ? undefined : await store.revisions.get(record.revision);
    await store.pipelines.remove(record.name);
    removed.push(record.name);
    if (last !== undefined) context.onRemoved?.(last.revision);
  }
  return { applied, unchanged, removed, faults: [...project.faults, ...lost, ...faults] };
}

/** Throws not_found for a pipeline that the files do not have. */
function chosenOf(project: LoadedProject, only: readonly string[] | undefined): LoadedProject {
  if (only === undefined) return project;
  const names = project.pipelines.map(({ name }) => splitPlacedName(name).pipeline);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new AppError(
      "not_found",
      `There is no pipeline ${quoteName(unknown)} in the project's files${didYouMeanOneOf(unknown, names)}`,
    );
  }
  const isChosen = ({ name }: LoadedPipeline) => only.includes(splitPlacedName(name).pipeline);
  return { ...project, pipelines: project.pipelines.filter(isChosen) };
}

/**
 * Checks and applies one definition that came over the API. Throws `invalid` with its faults or for its name,
 * `conflict`, or what the limits throw.
 */
export async function applySource(
  context: ApplyContext,
  name: string,
  source: PipelineSource,
  signal: AbortSignal,
  limits: DefinitionLimits = NO_LIMITS,
): Promise<void> {
  const { store } = context;
  const known = await store.pipelines.get(name);
  // One that an earlier version let in may still be changed.
  if (known === undefined) requireName("pipeline", name);
  if (known?.origin === "files") {
    throw new AppError(
      "conflict",
      `Pipeline "${name}" comes from the project's files: change pipelines/${name}.yaml there, or use another name`,
    );
  }
  const connectors = await store.pipelines.connectors();
  const place = () => ({ file: "connectors.yaml" });
  const parsed = await parsePipeline(
    { name, path: `${name}.yaml`, definition: source.definition },
    (folder) => modelFiles(folder, new Map(Object.entries(source.models))),
    {
      connectorTypes: context.connectors,
      connectors: { connectors, broken: new Set(), isReadable: true, faults: [], place },
      notifiers: { notifiers: await store.alerts.notifiers(), broken: new Set(), isReadable: true },
      ...await readProjectParts(context.projectDir),
    },
    async (definition) => {
      const refused = refuseScripts(definition);
      const used = namedConnectors(definition, connectors);
      limits.requireConnectors(Object.keys(used).filter((connector) => connector !== PUBLISHED_CONNECTOR));
      await limits.requireData([...new Set(publishedReads(definition).map((read) => read.pipeline))]);
      const named = scriptsOfConnectors(used, context.connectors, place);
      // The connectors are the project's, and so are the scripts that they name.
      if (named.length === 0) return refused;
      const scripts = context.scripts ?? new ScriptBundles();
      return { ...await bundleConnectorScripts(context.projectDir, scripts, named), faults: refused.faults };
    },
  );
  const isThis = (record: { readonly name: string }) => record.name === name;
  const [pipeline = parsed] = await withReadFaults(
    withTriggerFaults([parsed], await afterInForce(store, isThis)),
    () => publishingInForce(store, isThis),
  );
  const asked = { ...context, wantsLineage: true };
  for await (const { faults, steps, streamColumns, lineage } of checkPipelines(asked, [pipeline], signal)) {
    if (!isRunnable(faults)) throw new AppError("invalid", `Pipeline "${name}" has faults`, { faults });
    const revision = await currentRevision(pipeline, undefined);
    await store.revisions.save(revision, steps, lineage);
    await putColumns(store, name, streamColumns);
    await store.pipelines.put({ name, origin: "api", revision: revision.id, faults });
    await keepText(store, pipeline);
  }
}

const isOfFiles = ({ origin }: { readonly origin: "files" | "api" }): boolean => origin === "files";

/** One with a fault goes on as it was: alerts must not be lost for a slip of the pen. */
async function putNotifiers(store: Store, { notifiers, broken, isReadable }: ParsedNotifiers): Promise<void> {
  await store.alerts.putNotifiers(notifiers, isReadable ? broken : "all");
}

async function applyLoaded(
  context: ApplyContext,
  pipelines: readonly LoadedPipeline[],
  origin: "files" | "api",
  commit: string | undefined,
  signal: AbortSignal,
): Promise<{ applied: string[]; unchanged: string[]; faults: Fault[] }> {
  const { store } = context;
  const applied = new Set<string>();
  const unchanged: string[] = [];
  const faults = new Map<LoadedPipeline, readonly Fault[]>();
  const known = new Map<LoadedPipeline, Awaited<ReturnType<typeof inForce>>>();
  for (const pipeline of pipelines) known.set(pipeline, await inForce(store, pipeline, origin, commit));
  const fresh = withReaders(pipelines, (pipeline) => known.get(pipeline) === undefined);
  for (const [pipeline, found] of known) {
    if (found === undefined || fresh.includes(pipeline)) continue;
    if (!found.isRolledBack) {
      // Content that was there before its commit gets the commit's name.
      await store.revisions.save(found.revision, []);
      await keepText(store, pipeline);
    }
    unchanged.push(pipeline.name);
  }
  context.onChecking?.(fresh.map(({ name }) => name));
  // One that is new is listed while it is checked.
  const listed = new Set((await store.pipelines.list()).map(({ name }) => name));
  for (const { name } of fresh) {
    if (!listed.has(name)) await store.pipelines.put({ name, origin, faults: [] });
  }
  const asked = { ...context, wantsLineage: true };
  for await (
    const { pipeline, faults: found, steps, streamColumns, lineage } of checkPipelines(asked, fresh, signal)
  ) {
    faults.set(pipeline, found);
    if (!isRunnable(found) || pipeline.definition === undefined) {
      await store.pipelines.put({ name: pipeline.name, origin, faults: found });
    } else {
      const revision = await currentRevision(pipeline, commit);
      await store.revisions.save(revision, steps, lineage);
      await putColumns(store, pipeline.name, streamColumns);
      await store.pipelines.put({ name: pipeline.name, origin, revision: revision.id, faults: found });
      await keepText(store, pipeline);
      applied.add(pipeline.name);
    }
    context.onChecked?.(pipeline.name);
  }
  return {
    applied: fresh.map(({ name }) => name).filter((name) => applied.has(name)),
    unchanged,
    faults: fresh.flatMap((pipeline) => faults.get(pipeline) ?? []),
  };
}

/** Comments make no new revision, but are to be read with the one in force. */
async function keepText(store: Store, { name, path, text }: LoadedPipeline): Promise<void> {
  const known = await store.pipelines.source(name);
  if (known?.path === path && known.content === text) return;
  await store.pipelines.putSource(name, { path, content: text });
}

/**
 * The pipeline's revision where it is in force and nothing was wrong with it, or where an earlier one was put in its
 * place: that one stays until the files change. Any other content is checked, also one that was right before: what it
 * reads may have changed since.
 */
async function inForce(
  store: Store,
  pipeline: LoadedPipeline,
  origin: "files" | "api",
  commit: string | undefined,
): Promise<{ readonly revision: Revision; readonly isRolledBack: boolean } | undefined> {
  if (pipeline.definition === undefined || !isRunnable(pipeline.faults)) return undefined;
  const revision = await currentRevision(pipeline, commit);
  const record = await store.pipelines.get(pipeline.name);
  if (record === undefined || record.origin !== origin) return undefined;
  if (record.rolledBackFrom === revision.id) return { revision, isRolledBack: true };
  if (record.revision !== revision.id || !isRunnable(record.faults)) return undefined;
  // One that an earlier version put in force has no lineage yet; the rules may be others than they were.
  const lineage = await store.revisions.lineage(revision.id);
  const isRight = lineage !== undefined && isToldAlready(piiFaults(pipeline, lineage), record.faults);
  return isRight ? { revision, isRolledBack: false } : undefined;
}

async function putColumns(
  store: Store,
  pipeline: string,
  columns: CheckedPipeline["streamColumns"],
): Promise<void> {
  for (const [stream, found] of Object.entries(columns)) {
    await store.pipelines.putStreamColumns(pipeline, stream, found);
  }
}
