import type { CreatedEnvironment } from "../../../contract/environments/environment.ts";
import { placedName, splitPlacedName } from "../../../contract/environments/pipeline_name.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import { isRunnable } from "../../definitions/check/check_context.ts";
import type { LoadedProject } from "../../definitions/load.ts";
import type { LoadedPipeline } from "../../definitions/parse_pipeline.ts";
import { type BeginContext, beginWarehouse, hasWarehouse } from "../../runs/warehouses/begin_warehouse.ts";
import { pipelineBytes } from "../../runs/warehouses/pipeline_data.ts";
import { warehousePath, warehouseState } from "../../runs/warehouses/warehouse_file.ts";
import type { Store } from "../../store/store.ts";
import type { DefinitionChanges } from "../definition_changes.ts";
import type { EnvironmentCreate } from "./port.ts";

export interface CreateContext extends Omit<BeginContext, "store"> {
  readonly store: Store;
  readonly definitions: Pick<DefinitionChanges, "applyProject" | "read">;
}

/** A run that is under way is waited for no longer. */
const WAIT_MS = 60_000;

/**
 * Copies warehouses to an environment, each in one step, and puts its pipelines in force when all are there. Until then the
 * environment is told not to be whole; where the process is killed, the same again does the rest.
 */
export async function createEnvironment(
  context: CreateContext,
  environment: string,
  { from, pipelines: only, ref, sample }: EnvironmentCreate,
  signal: AbortSignal,
): Promise<CreatedEnvironment> {
  const { store, clock, dataDir, definitions } = context;
  const project = await definitions.read(environment, ref);
  const chosen = chosenOf(project, only);
  const record = await store.environments.get(environment);
  if (record?.state === "deleting") {
    throw new AppError(
      "conflict",
      `The environment ${environment} is being deleted: sluice env delete ${environment} does the rest`,
    );
  }
  const begun = record?.state === "creating";
  const missing: LoadedPipeline[] = [];
  for (const pipeline of chosen) {
    const isThere = await warehouseState(warehousePath(dataDir, pipeline.name)) !== "none";
    // One that was put there is whole.
    if (isThere && !begun) throw hasWarehouse(pipeline.name);
    if (!isThere) missing.push(pipeline);
  }
  const { ref: lastRef = null, commit = null, appliedAtMs = null } = record ?? {};
  await store.environments.put({
    name: environment,
    state: "creating",
    ref: lastRef,
    commit,
    appliedAtMs,
    changedAtMs: clock.now(),
  });
  const copied: CreatedEnvironment["copied"] = [];
  for (const { name, definition, production } of missing) {
    signal.throwIfAborted();
    const source = placedName({ pipeline: splitPlacedName(name).pipeline, environment: from ?? null });
    const found = await beginWarehouse(context, {
      from: source,
      to: name,
      sample: sample ?? null,
      forgottenStreams: definition === undefined ? [] : forgottenStreams(production, definition),
      waitMs: WAIT_MS,
    }, signal);
    copied.push({
      name,
      from: source,
      tables: found?.tables ?? null,
      rows: found?.rows ?? null,
      size_bytes: await pipelineBytes(dataDir, name),
    });
  }
  const applied = await definitions.applyProject({
    environment,
    isCreated: true,
    pipelines: chosen.map(({ name }) => splitPlacedName(name).pipeline),
    ...(ref === undefined ? {} : { ref }),
  });
  return { environment, copied, applied };
}

/** Throws not_found for a pipeline that there is not, invalid with their faults where one may not be applied. */
function chosenOf(
  { pipelines }: LoadedProject,
  only: readonly string[] | undefined,
): readonly LoadedPipeline[] {
  const nameOf = ({ name }: LoadedPipeline) => splitPlacedName(name).pipeline;
  const names = pipelines.map(nameOf);
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new AppError(
      "not_found",
      `There is no pipeline ${quoteName(unknown)} in the project's files${didYouMeanOneOf(unknown, names)}`,
    );
  }
  const chosen = pipelines.filter((pipeline) => only?.includes(nameOf(pipeline)) ?? true);
  const faults = chosen.flatMap((pipeline) => pipeline.faults).filter(({ severity }) => severity === "error");
  if (isRunnable(faults)) return chosen;
  throw new AppError("invalid", "Nothing was copied: the pipelines have faults in the environment", {
    faults,
  });
}

/** Streams whose state is of another system, or of a log that nobody else may follow. */
function forgottenStreams(
  production: PipelineDefinition | undefined,
  { extract }: PipelineDefinition,
): string[] {
  return Object.entries(extract).flatMap(([name, { connector, mode }]) =>
    mode === "cdc" || connector !== production?.extract[name]?.connector ? [name] : []
  );
}
