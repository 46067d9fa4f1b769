import type { RecordBatch } from "apache-arrow";
import type { Scan, Source, StreamRequest } from "../../../contract/connector/source.ts";
import type { SourceTotal } from "../../../contract/jobs/reports.ts";
import { AppError } from "../../../contract/errors.ts";
import type { LogLevel } from "../../../contract/log.ts";
import type { Column } from "../../../contract/sql.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { ThreadCount } from "../../duckdb/thread_count.ts";
import { ShapedBatches } from "../extract/shaped_batches.ts";
import { totalOf } from "../extract/progress/source_total.ts";
import { scannedBatches } from "../extract/scanned_batches.ts";
import type { StreamShape } from "../extract/stream_shape.ts";
import type { PassingLoad } from "./passing_load.ts";
import { copyScan } from "./scanned_copy.ts";

export interface StraightRead {
  readonly session: DuckSession;
  readonly name: string;
  readonly source: Source;
  readonly request: StreamRequest;
  readonly shape: StreamShape;
  readonly load: PassingLoad;
  /** See StraightLoad. */
  readonly isCopied: boolean;
  readonly threads: ThreadCount;
  readonly signal: AbortSignal;
  readonly log: (level: LogLevel, message: string) => void;
  readonly onProgress: (rows: number, sizeBytes: number, total?: SourceTotal) => void;
}

export interface Passed {
  readonly rows: number;
  readonly sizeBytes: number;
  readonly columns: readonly Column[];
}

/** Reads a stream to its end and hands its rows to the load. Throws what either fails with. */
export async function readStraight(read: StraightRead): Promise<Passed> {
  const { session, name, source, request, shape, signal, load, isCopied, threads } = read;
  const asked = shape.request(request, source);
  const scan = await source.scan?.(asked, signal);
  if (isCopied) {
    if (scan === undefined) throw notScanned(name);
    await using _computing = await threads.computing();
    const copied = await copyScan(session, scan, shape, load, signal);
    if (copied === undefined) throw noRecord(name, scan);
    return { ...copied, sizeBytes: scan.sizeBytes };
  }
  const batches = scan === undefined
    ? shapedBatches(read, asked)
    : scannedBatches(session, scan, shape, signal);
  const total = scan === undefined ? await totalOf(source, asked, signal) : undefined;
  const passed = await passOn(read, batches, total);
  if (passed === undefined) throw noRecord(name, scan);
  load.end();
  return { ...passed, sizeBytes: scan?.sizeBytes ?? passed.sizeBytes };
}

/** Undefined where there was no batch. */
async function passOn(
  { session, load, signal, onProgress }: StraightRead,
  batches: AsyncIterable<RecordBatch>,
  total: SourceTotal | undefined,
): Promise<Passed | undefined> {
  let rows = 0;
  let sizeBytes = 0;
  let columns: readonly Column[] | undefined;
  for await (const batch of batches) {
    signal.throwIfAborted();
    columns ??= session.columnsOf(batch.schema);
    await load.take(batch);
    load.check();
    rows += batch.numRows;
    sizeBytes += batch.data.byteLength;
    onProgress(rows, sizeBytes, total);
  }
  return columns === undefined ? undefined : { rows, sizeBytes, columns };
}

async function* shapedBatches(
  { source, shape, signal, log }: StraightRead,
  asked: StreamRequest,
): AsyncGenerator<RecordBatch> {
  shape.requireFilter(source);
  const shapes = new ShapedBatches(shape, source);
  for await (const message of source.read({ streams: [asked] }, signal)) {
    switch (message.type) {
      case "rows":
        yield shapes.of(message.batch);
        break;
      case "reject": {
        const { reason, position } = message.reject;
        const at = position === null ? "" : ` (${position})`;
        throw new AppError("invalid", `A row does not fit${at}${shape.hasMasks ? "" : `: ${reason}`}`);
      }
      case "log":
        log(message.level, message.message);
        break;
      // Nothing is kept that a later read could go on from.
      case "nothing":
      case "state":
        break;
    }
  }
}

function notScanned(name: string): AppError {
  return new AppError(
    "invalid",
    `Stream "${name}" cannot go straight to its destination: DuckDB writes that from a table or from files that it ` +
      "reads by itself, and these are Arrow files; leave store: false out",
  );
}

function noRecord(name: string, scan: Scan | undefined): AppError {
  if (scan === undefined) return new AppError("internal", "The source gave no batch, not even an empty one");
  return new AppError(
    "invalid",
    `Stream "${name}": its files hold no record that tells their columns; leave store: false out, which keeps those ` +
      "of earlier files",
  );
}
