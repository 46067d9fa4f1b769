import { type RecordBatch, RecordBatchReader, type Schema } from "apache-arrow";
import type { ReadMessage, ReadRequest } from "../../../contract/connector/source.ts";
import { AppError, toErrorRecord } from "../../../contract/errors.ts";
import type { ResolvedConnector } from "../../../contract/jobs/job_base.ts";
import type { LogLevel } from "../../../contract/log.ts";
import { abortError } from "../../duckdb/sql_error.ts";
import { unpackBatch } from "./packed_batch.ts";
import type { FromThread, ToThread } from "./protocol.ts";

/** Messages that may wait for the main thread, batches of some megabytes each: as long as DuckDB takes for a row group. */
const CREDIT = 6;
/** How long a thread that was told to stop may take to close its connection. */
const STOP_TIMEOUT_MS = 2_000;

export interface ThreadedReadOptions {
  /** The thread's program. */
  readonly program: URL;
  /** The connector's name in connectors.yaml. */
  readonly name: string;
  /** The connector's config as the server has it when the thread begins. */
  readonly resolve: () => Promise<ResolvedConnector>;
  readonly projectDir: string;
  readonly scratchDir: string;
  readonly log: (level: LogLevel, message: string) => void;
}

/**
 * What `read` of the connector's source gives, read and decoded in a thread of its own. Pulling is
 * the back-pressure: no more than CREDIT messages wait. Ends, throws and stops as `read` does.
 */
export async function* readInThread(
  options: ThreadedReadOptions,
  request: ReadRequest,
  signal: AbortSignal,
): AsyncGenerator<ReadMessage, void, undefined> {
  const { name, projectDir, scratchDir, program } = options;
  const resolved = await options.resolve();
  const worker = new Worker(program, { type: "module", name: `read ${name}` });
  const inbox = new Inbox(worker);
  const tell = (message: ToThread) => worker.postMessage(message);
  const abort = () => tell({ type: "cancel", error: toErrorRecord(abortError(signal)) });
  let schema: Schema | undefined;
  let isOver = false;
  try {
    signal.throwIfAborted();
    signal.addEventListener("abort", abort, { once: true });
    // A function stays in its thread.
    const streams = request.streams.map(({ onTraffic: _, ...stream }) => stream);
    const asked = { ...request, streams };
    tell({ type: "read", name, resolved, projectDir, scratchDir, request: asked, credit: CREDIT });
    for (;;) {
      const message = await inbox.next();
      switch (message.type) {
        case "end":
          isOver = true;
          return;
        case "failed":
          isOver = true;
          throw toError(message.error);
        case "log":
          options.log(message.level, message.message);
          continue;
        case "message":
          yield message.message;
          break;
        case "stream":
          for (const batch of RecordBatchReader.from(message.bytes)) {
            yield { type: "rows", stream: message.stream, batch };
          }
          break;
        case "rows": {
          if (message.schema !== undefined) schema = RecordBatchReader.from(message.schema).open().schema;
          if (schema === undefined) throw new AppError("internal", "A thread sent rows without their schema");
          const batch: RecordBatch = unpackBatch(schema, message.packed);
          yield { type: "rows", stream: message.stream, batch };
        }
      }
      tell({ type: "more" });
    }
  } finally {
    signal.removeEventListener("abort", abort);
    if (!isOver) await stopReading(inbox, tell);
    worker.terminate();
  }
}

/** Lets the thread tell the source that nobody reads any more. */
async function stopReading(inbox: Inbox, tell: (message: ToThread) => void): Promise<void> {
  tell({ type: "cancel", error: { code: "cancelled", message: "nobody reads any more" } });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLong = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), STOP_TIMEOUT_MS);
  });
  try {
    for (;;) {
      const next = await Promise.race([inbox.next(), tooLong]);
      if (next === "late" || next.type === "end" || next.type === "failed") return;
    }
  } catch {
    // The thread itself has failed: there is nothing left to wait for.
  } finally {
    clearTimeout(timer);
  }
}

function toError({ code, message, detail, reason }: ReturnType<typeof toErrorRecord>): AppError {
  return new AppError(code, message, {
    ...(detail === undefined ? {} : { detail }),
    ...(reason === undefined ? {} : { reason }),
  });
}

/** The messages of a thread, to be awaited one by one. */
class Inbox {
  readonly #messages: FromThread[] = [];
  #failure: AppError | undefined;
  #wake: (() => void) | undefined;

  constructor(worker: Worker) {
    worker.addEventListener("message", ({ data }: MessageEvent<FromThread>) => {
      this.#messages.push(data);
      this.#wake?.();
    });
    worker.addEventListener("error", (event) => {
      // Unhandled, it would end the process.
      event.preventDefault();
      this.#failure = new AppError("internal", `The thread that reads has failed: ${event.message}`);
      this.#wake?.();
    });
  }

  async next(): Promise<FromThread> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
