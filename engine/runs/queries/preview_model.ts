import { basename, join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { PreviewedRows, PreviewJob } from "../../../contract/jobs/preview_job.ts";
import type { Clock } from "../../../contract/clock.ts";
import { openScratchFolder } from "../warehouses/copies_folder.ts";
import type { KeptCopies } from "../warehouses/kept_copies.ts";
import { type CopyProcessContext, processOnCopy } from "../warehouses/process_on_copy.ts";

export interface PreviewModelContext extends CopyProcessContext {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly copies: KeptCopies;
}

export type PreviewModelRequest =
  & Pick<PreviewJob, "pipeline" | "model" | "side" | "wanted" | "windowStartMs">
  & {
    /** Null for now. */
    readonly windowEndMs: number | null;
    /** How long it waits for a run that is under way, where no copy is kept from before. */
    readonly waitMs: number;
    readonly timeoutMs: number;
  };

export interface PreviewedModel extends PreviewedRows {
  /** Of when the tables are, epoch milliseconds; null where the pipeline has no warehouse yet. */
  readonly asOfMs: number | null;
}

/**
 * The rows that a model's SQL makes of a pipeline's tables as they are, in a copy of its warehouse and a process that may touch
 * nothing else. Throws `invalid` for SQL with faults and rows that are missing, `unavailable` where a run goes on for too long,
 * `timeout`, and the signal's reason.
 */
export async function previewModel(
  { dataDir, clock, copies, ...context }: PreviewModelContext,
  { pipeline, model, side, wanted, windowStartMs, windowEndMs, waitMs, timeoutMs }: PreviewModelRequest,
  signal: AbortSignal,
): Promise<PreviewedModel> {
  const purpose = `preview ${model} of ${pipeline}`;
  await using copy = await copies.take(pipeline, { purpose, waitMs }, signal) ?? null;
  await using scratch = await openScratchFolder(dataDir);
  const nowMs = clock.now();
  let found: PreviewedRows | undefined;
  await processOnCopy(context, {
    job: {
      kind: "preview",
      pipeline,
      model,
      side,
      wanted,
      runStartMs: nowMs,
      windowStartMs,
      windowEndMs: windowEndMs ?? nowMs,
      ...(copy === null
        ? {}
        : { copy: { path: copy.path, ...(copy.key === undefined ? {} : { key: copy.key }) } }),
      // DuckDB names what is in it by the file's name.
      warehousePath: join(scratch.path, copy === null ? "preview.duckdb" : basename(copy.path)),
    },
    pipeline,
    purpose,
    folder: scratch.path,
    ...(copy === null ? {} : { reads: [copy.folder] }),
    keys: [copy?.key],
    timeoutMs,
    advice: "What it reads takes long to build: run the pipeline first, or preview what it reads",
    onReport: (report) => {
      if (report.type === "previewed") found = report.preview;
    },
  }, signal);
  if (found === undefined) {
    throw new AppError("internal", `Cannot ${purpose}: its process has told of no rows`);
  }
  return { ...found, asOfMs: copy?.asOfMs ?? null };
}
