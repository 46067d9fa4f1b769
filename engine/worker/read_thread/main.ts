import { type RecordBatch, RecordBatchStreamWriter, type Schema } from "apache-arrow";
import { parseConnector } from "../../../connectors/parse.ts";
import { connectors } from "../../../connectors/registry.ts";
import { systemClock } from "../../../contract/clock.ts";
import { AppError, toAppError, toErrorRecord } from "../../../contract/errors.ts";
import { PlaceBudget } from "../budget.ts";
import { packBatch } from "./packed_batch.ts";
import type { FromThread, ThreadRead, ToThread } from "./protocol.ts";

/**
 * The program of a thread that reads one stream while the main thread appends: it decodes what the
 * source sends, which takes as long as DuckDB needs to store it. A thread has the permissions of its
 * process and no more. It ends when the main thread ends it.
 */

/** What the thread itself is to its program; there is no type for it beside the page's. */
interface ThreadScope {
  addEventListener(type: "message", listener: (event: MessageEvent<ToThread>) => void): void;
  postMessage(message: FromThread, transfer: Transferable[]): void;
}

const isScope = (value: unknown): value is ThreadScope =>
  typeof value === "object" && value !== null && "postMessage" in value;

const scope: unknown = self;
if (!isScope(scope)) throw new AppError("internal", "The program of a thread runs outside of one");
const thread = scope;

const send = (message: FromThread, memory: ArrayBuffer[] = []) => thread.postMessage(message, memory);
const stop = new AbortController();
let credit = 0;
let wake: (() => void) | undefined;

thread.addEventListener("message", ({ data }) => {
  if (data.type === "read") {
    credit = data.credit;
    void carryOut(data);
  } else if (data.type === "more") {
    credit += 1;
    wake?.();
  } else {
    stop.abort(new AppError(data.error.code, data.error.message));
    wake?.();
  }
});

async function carryOut(read: ThreadRead): Promise<void> {
  try {
    await readStream(read);
    send({ type: "end" });
  } catch (error) {
    const failure = stop.signal.aborted ? toAppError(stop.signal.reason) : error;
    send({ type: "failed", error: toErrorRecord(failure) });
  }
}

async function readStream({ name, resolved, projectDir, request }: ThreadRead): Promise<void> {
  const { connector, config, common } = parseConnector(connectors, name, resolved);
  await using connection = await connector.open(config, {
    name,
    projectDir,
    signal: stop.signal,
    clock: systemClock,
    budget: new PlaceBudget(common.max_connections),
    log: (level, message) => send({ type: "log", level, message }),
  });
  if (connection.source === undefined) throw new AppError("invalid", `Connector "${name}" is no source`);
  let schema: Schema | undefined;
  for await (const message of connection.source.read(request, stop.signal)) {
    while (credit === 0 && !stop.signal.aborted) {
      await new Promise<void>((resolve) => wake = resolve);
    }
    stop.signal.throwIfAborted();
    credit -= 1;
    if (message.type !== "rows") {
      send({ type: "message", message });
      continue;
    }
    const { stream, batch } = message;
    const parts = packBatch(batch);
    if (parts === undefined) {
      send({ type: "stream", stream, bytes: streamOf(batch) });
    } else {
      const isNew = schema !== batch.schema;
      schema = batch.schema;
      const { packed, memory } = parts;
      send({ type: "rows", stream, packed, ...(isNew ? { schema: schemaOf(batch.schema) } : {}) }, memory);
    }
  }
}

const streamOf = (batch: RecordBatch): Uint8Array =>
  RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);

function schemaOf(schema: Schema): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  writer.finish();
  return writer.toUint8Array(true);
}
