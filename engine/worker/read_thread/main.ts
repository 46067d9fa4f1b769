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

/** What a thread is to its program; there is no type for it beside the page's. */
interface ThreadScope {
  addEventListener(type: "message", listener: (event: MessageEvent<ToThread>) => void): void;
  postMessage(message: FromThread, transfer: Transferable[]): void;
}

const isScope = (value: unknown): value is ThreadScope =>
  typeof value === "object" && value !== null && "postMessage" in value;

class ReadThread {
  readonly #scope: ThreadScope;
  readonly #stop = new AbortController();
  #credit = 0;
  #wake: (() => void) | undefined;

  constructor(scope: ThreadScope) {
    this.#scope = scope;
    scope.addEventListener("message", ({ data }) => this.#hear(data));
  }

  #hear(message: ToThread): void {
    switch (message.type) {
      case "read":
        this.#credit = message.credit;
        void this.#carryOut(message);
        break;
      case "more":
        this.#credit += 1;
        break;
      case "cancel":
        this.#stop.abort(new AppError(message.error.code, message.error.message));
    }
    this.#wake?.();
  }

  #send(message: FromThread, memory: ArrayBuffer[] = []): void {
    this.#scope.postMessage(message, memory);
  }

  async #carryOut(read: ThreadRead): Promise<void> {
    try {
      await this.#read(read);
      this.#send({ type: "end" });
    } catch (error) {
      const { signal } = this.#stop;
      this.#send({
        type: "failed",
        error: toErrorRecord(signal.aborted ? toAppError(signal.reason) : error),
      });
    }
  }

  async #read({ name, resolved, projectDir, scratchDir, request }: ThreadRead): Promise<void> {
    const { signal } = this.#stop;
    const { connector, config, common } = parseConnector(connectors, name, resolved);
    await using connection = await connector.open(config, {
      name,
      projectDir,
      scratchDir,
      signal,
      clock: systemClock,
      budget: new PlaceBudget(common.max_connections),
      openDuckdb: () =>
        Promise.reject(new AppError("internal", "DuckDB's files are read in the main thread")),
      log: (level, message) => this.#send({ type: "log", level, message }),
      secret: () => Promise.reject(new AppError("internal", "Secrets are asked for in the main thread")),
      wayOut: () =>
        Promise.reject(new AppError("internal", "Guarded hosts are read from in the main thread")),
      turn: () => Promise.resolve(),
      hold: () => {},
      sandbox: undefined,
      script: () => {
        throw new AppError("internal", "Scripts run in the main thread");
      },
      memoryOf: () => Promise.resolve(null),
      accessToken: () => Promise.reject(new AppError("internal", "Tokens are asked for in the main thread")),
    });
    if (connection.source === undefined) throw new AppError("invalid", `Connector "${name}" is no source`);
    let schema: Schema | undefined;
    for await (const message of connection.source.read(request, signal)) {
      await this.#takeCredit();
      if (message.type !== "rows") {
        this.#send({ type: "message", message });
        continue;
      }
      this.#sendRows(message.stream, message.batch, schema !== message.batch.schema);
      schema = message.batch.schema;
    }
  }

  async #takeCredit(): Promise<void> {
    const { signal } = this.#stop;
    while (this.#credit === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    signal.throwIfAborted();
    this.#credit -= 1;
  }

  #sendRows(stream: string, batch: RecordBatch, isNewSchema: boolean): void {
    const parts = packBatch(batch);
    if (parts === undefined) {
      this.#send({
        type: "stream",
        stream,
        bytes: RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true),
      });
      return;
    }
    const schema = isNewSchema ? { schema: schemaOf(batch.schema) } : {};
    this.#send({ type: "rows", stream, packed: parts.packed, ...schema }, parts.memory);
  }
}

function schemaOf(schema: Schema): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  writer.finish();
  return writer.toUint8Array(true);
}

const scope: unknown = self;
if (!isScope(scope)) throw new AppError("internal", "The program of a thread runs outside of one");
new ReadThread(scope);
