import { environmentOf } from "../../../contract/environments/pipeline_name.ts";
import { createFence } from "../../grants/fence.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import { Lanes } from "../processes/lanes.ts";
import { inWaves, knownFirst, piiOf, readsOfSketch } from "../published/read_columns.ts";
import type { CheckContext, CheckedPipeline } from "./check_context.ts";
import { checkGroup } from "./check_group.ts";
import { type Provided, provideFor } from "./provide_check.ts";

/** As many processes as two cores have use for; those that wait for a source are not counted. */
const BUSY_PROCESSES = 3;

const MOST_PROCESSES = 16;

/** A process takes so many pipelines at most, where they may do the same and have no source to wait for. */
const PIPELINES_A_PROCESS = 20;

/**
 * Checks pipelines against DuckDB and their sources, without reading rows; yields each as soon as it
 * is checked. Each has a process with its own grant, time and memory, so that a source that never
 * answers, or SQL that never ends, holds up no other pipeline. Only pipelines without a network whose
 * grants are the same share one; where that does not end well, each of them gets its own.
 */
export async function* checkPipelines(
  context: CheckContext,
  pipelines: readonly LoadedPipeline[],
  signal: AbortSignal,
): AsyncIterable<CheckedPipeline> {
  const fence = await createFence(context);
  const outcomes = await Promise.all(pipelines.map((pipeline) => provideFor(context, pipeline, fence)));
  const provided: Provided[] = [];
  for (const outcome of outcomes) {
    if ("provision" in outcome) provided.push(outcome);
    else yield outcome;
  }
  const compiled = new Map<string, CheckedPipeline>();
  const bound = (pipeline: string, model: string) => {
    const checked = compiled.get(pipeline);
    const columns = checked?.modelColumns[model];
    return columns && { columns, pii: piiOf(checked?.lineage, model) };
  };
  const environment = environmentOf(pipelines[0]?.name ?? "");
  const publishedColumns = knownFirst(bound, context.publishedColumns, environment);
  const waves = inWaves(provided, ({ pipeline }) => pipeline.name, ({ sketch }) => readsOfSketch(sketch));
  for (const wave of waves) {
    const lanes = new Lanes<CheckedPipeline[]>({ limit: BUSY_PROCESSES, most: MOST_PROCESSES });
    for (const group of groupsOf(wave)) {
      lanes.start((release) => checkGroup({ ...context, publishedColumns }, group, release, signal));
    }
    for await (const checked of lanes.results()) {
      for (const one of checked) compiled.set(one.pipeline.name, one);
      yield* checked;
    }
  }
}

/** Pipelines that may share a process. */
function groupsOf(provided: readonly Provided[]): Provided[][] {
  const groups: Provided[][] = [];
  const openByGrant = new Map<string, Provided[]>();
  for (const entry of provided) {
    const { grant, hasSecrets, connectors } = entry.provision;
    const isAlone = grant.permissions.hosts.length > 0 || hasSecrets;
    const key = JSON.stringify([grant, connectors]);
    const open = isAlone ? undefined : openByGrant.get(key);
    if (open !== undefined && open.length < PIPELINES_A_PROCESS) {
      open.push(entry);
      continue;
    }
    const group = [entry];
    groups.push(group);
    if (!isAlone) openByGrant.set(key, group);
  }
  return groups;
}
