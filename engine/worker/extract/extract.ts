import type { RecordBatch } from "apache-arrow";
import type { ReadMessage, Source, StreamRequest } from "../../../contract/connector/source.ts";
import type { Range } from "../../../contract/range.ts";
import { AppError, GUESS_FAILED } from "../../../contract/errors.ts";
import type { LogLevel } from "../../../contract/log.ts";
import type { ThreadCount } from "../../duckdb/thread_count.ts";
import { doubledKeys } from "../../warehouse/doubled_keys.ts";
import { applyDeletes } from "./deletes.ts";
import { closeWindow, rangeOf } from "./read_window.ts";
import type { StreamShape } from "./stream_shape.ts";
import { totalOf } from "./progress/source_total.ts";
import { ShapedBatches } from "./shaped_batches.ts";
import type { SinkOptions } from "./sink/sink_start.ts";
import { type Extracted, StreamSink } from "./sink/stream_sink.ts";

/**
 * Takes the rows of a stream beside the warehouse, while they are read. Where it fails it says so later,
 * and takes no more.
 */
export interface RowTap {
  /** Comes before the first message is asked for. */
  open(): Promise<void>;
  /** Waits until there is room for the batch. */
  take(batch: RecordBatch): Promise<void>;
  /** There are no more rows; whether they are kept is not known yet. */
  end(): void;
}

export interface ExtractContext extends SinkOptions {
  /** Gets the rows where they are stored as they are read, and is left alone otherwise. */
  readonly tap?: RowTap;
  readonly shape: StreamShape;
  /** What is to be read again in place of what is new. */
  readonly range?: Range;
  readonly signal: AbortSignal;
  readonly log: (level: LogLevel, message: string) => void;
  /** Told of what DuckDB is used for. */
  readonly threads?: ThreadCount;
}

/**
 * Reads one stream into `raw.<name>`. `record` runs in the last transaction: the rows, the state and
 * what it writes are committed together, or not at all.
 */
export async function extractStream(
  context: ExtractContext,
  source: Source,
  request: StreamRequest,
  record: (extracted: Extracted) => Promise<void>,
): Promise<Extracted> {
  try {
    return await readOnce(context, source, request, record, true);
  } catch (error) {
    if (!(error instanceof AppError) || error.reason !== GUESS_FAILED) throw error;
    context.log("info", error.message);
  }
  return await readOnce(context, source, request, record, false);
}

/** With `mayGuess` it may throw GUESS_FAILED, and nothing was kept then. */
async function readOnce(
  context: ExtractContext,
  source: Source,
  request: StreamRequest,
  record: (extracted: Extracted) => Promise<void>,
  mayGuess: boolean,
): Promise<Extracted> {
  const { signal, shape } = context;
  using scanned = new Ended(signal);
  const shaped = shape.request(request, source);
  const range = context.range === undefined ? undefined : await rangeOf(context, context.range);
  const until = range?.until ?? await closeWindow(context, source, shaped);
  await using sink = await StreamSink.open({
    ...context,
    ...(range === undefined ? {} : { again: range }),
    ...(until === undefined ? {} : { until }),
  });
  const texts = source.scan === undefined ? {} : await sink.heldTexts();
  const asked = { ...shaped, ...shape.inSource({ ...sink.position, ...texts }) };
  const validators = await sink.validators(shape);
  const scan = await source.scan?.({ ...asked, ...validators, mayGuess }, scanned.signal);
  if (scan?.isUnchanged === true) {
    for (const { level, message } of scan.messages ?? []) context.log(level, message);
    return await sink.keep(record);
  }
  if (scan !== undefined) {
    // Who brings rows while they are stored needs a processor of its own.
    await using _storing = scan.arriving === undefined
      ? await context.threads?.computing()
      : await context.threads?.appending();
    for (const { level, message } of scan.messages ?? []) context.log(level, message);
    await shape.checkWhere(context.session);
    await sink.fill(scan, shape, signal);
  } else {
    await using _appending = await context.threads?.appending();
    shape.requireFilter(source);
    const tap = sink.storesAsRead ? context.tap : undefined;
    await tap?.open();
    signal.throwIfAborted();
    sink.expect(await totalOf(source, asked, signal));
    const messages = source.read({ streams: [asked] }, signal);
    await takeMessages(messages, source, new Map([[request.name, sink]]), context, tap);
    tap?.end();
  }
  const looksForDeletes = context.stream.deletes !== "ignore" && range === undefined;
  const extracted = await sink.finish(
    record,
    looksForDeletes ? () => applyDeletes(context, source, request) : undefined,
  );
  // A database holds its own keys.
  const doubled = source.greatest === undefined && extracted.columns.length > 0
    ? await doubledKeys(context.session, context.name, context.stream)
    : undefined;
  if (doubled !== undefined) context.onWarning(doubled);
  return extracted;
}

/** A signal that ends what was begun with it, when it is disposed of. */
class Ended implements Disposable {
  readonly #end = new AbortController();
  readonly signal: AbortSignal;

  constructor(outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.#end.signal]);
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }
}

/** Hands each message to the sink of its stream. Throws what the source throws, and `invalid` for one reject too many. */
async function takeMessages(
  messages: AsyncIterable<ReadMessage>,
  source: Source,
  sinks: ReadonlyMap<string, StreamSink>,
  { log, signal, shape }: ExtractContext,
  tap: RowTap | undefined,
): Promise<void> {
  const sinkOf = (stream: string): StreamSink => {
    const sink = sinks.get(stream);
    if (sink !== undefined) return sink;
    throw new AppError("internal", `The source sent something of stream "${stream}", which nobody asked for`);
  };
  const shapes = new ShapedBatches(shape, source);
  for await (const message of messages) {
    signal.throwIfAborted();
    switch (message.type) {
      case "rows": {
        const batch = shapes.of(message.batch);
        await tap?.take(batch);
        await sinkOf(message.stream).take(batch);
        break;
      }
      case "nothing":
        await sinkOf(message.stream).takeNothing(shape.isWhole ? message.schema : undefined);
        break;
      case "state":
        await sinkOf(message.stream).checkpoint(message.state);
        break;
      case "reject":
        await sinkOf(message.stream).reject(message.reject);
        break;
      case "log":
        log(message.level, message.message);
        break;
    }
  }
}
