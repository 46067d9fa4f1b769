import { AppError } from "../../../contract/errors.ts";
import { publishedModels } from "../../../contract/pipeline/publish.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { Run } from "../../../contract/run.ts";
import {
  type PublishedName,
  publishedReads,
  type SnapshotInputs,
} from "../../../contract/snapshots/source.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import { pinSnapshots } from "../../snapshots/pinned_snapshots.ts";
import type { Store } from "../../store/store.ts";
import type { WarehouseKeys } from "../warehouses/warehouse_keys.ts";

export interface PublishedInputsContext {
  readonly dataDir: string;
  readonly store: Pick<Store, "pipelines" | "revisions">;
  readonly warehouseKeys: WarehouseKeys;
}

export interface PublishedInputs {
  readonly inputs: SnapshotInputs;
  /** What the run's DuckDB is to be allowed. Absolute. */
  readonly files: readonly string[];
  /** Of encrypted ones: nothing may say them. */
  readonly keys: readonly string[];
}

/** What a run reads of other pipelines, the same in each of its attempts; pinned now where none has done it yet. */
export async function publishedInputs(
  { dataDir, store, warehouseKeys }: PublishedInputsContext,
  run: Pick<Run, "id">,
  definition: PipelineDefinition,
): Promise<PublishedInputs> {
  const inputs = await pinSnapshots(
    {
      dataDir,
      keyOf: (pipeline) => warehouseKeys.secret(pipeline),
      whyNone: (read) => whyNone(store, read),
    },
    run.id,
    publishedReads(definition),
  );
  const files = Object.values(inputs).flatMap((input) => "error" in input ? [] : input.file ?? []);
  return {
    inputs,
    files: files.map(({ path }) => path),
    keys: files.flatMap(({ key }) => key ?? []),
  };
}

async function whyNone(
  { pipelines, revisions }: PublishedInputsContext["store"],
  { pipeline, model }: PublishedName,
): Promise<AppError> {
  const shown = `Cannot read ${pipeline}.${model}`;
  const record = await pipelines.get(pipeline);
  if (record === undefined) {
    const meant = didYouMeanOneOf(pipeline, await pipelines.names());
    return new AppError("not_found", `${shown}: there is no pipeline "${pipeline}"${meant}`, {
      reason: "not_published",
    });
  }
  const revision = record.revision === null ? undefined : await revisions.get(record.revision);
  const published = publishedModels(revision?.revision.definition.publish).map((one) => one.model);
  if (!published.includes(model)) {
    return new AppError(
      "not_found",
      `${shown}: ${pipeline} does not publish it${didYouMeanOneOf(model, published)}; ` +
        `add ${model} to publish: in ${pipeline}, and run it`,
      { reason: "not_published" },
    );
  }
  // A retry may find it.
  return new AppError(
    "unavailable",
    `${shown}: ${pipeline} has not published it yet; run it first: sluice run ${pipeline}`,
    { reason: "not_published" },
  );
}
