import type { RecordBatch } from "apache-arrow";
import type { ConnectorContext } from "../../contract/connector/connector.ts";
import type {
  DeliveringDestination,
  DeliveryRequest,
  DeliveryResult,
  LoadDelivery,
} from "../../contract/connector/destination.ts";
import { AppError } from "../../contract/errors.ts";
import { addTraffic, NO_TRAFFIC } from "../../contract/streams/traffic.ts";
import { orderOf, startScript } from "./start.ts";
import type { ScriptTarget } from "./options.ts";
import { FrameFault } from "./sandbox/frame_fault.ts";
import { ORDER, REPORT } from "./sandbox/frames.ts";
import { LogReports } from "./sandbox/log_reports.ts";
import { parseReport, scriptError } from "./sandbox/reports.ts";
import { rowTexts } from "./sandbox/row_texts.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";
import { ScriptRequests } from "./sandbox/script_requests.ts";

const OK: DeliveryResult = { type: "ok" };

/** Gives rows to scripts: each load has one sandbox, from its first batch to the end of the script's function. */
export class ScriptDestination implements DeliveringDestination<ScriptTarget>, AsyncDisposable {
  readonly kind = "delivering";
  readonly #context: ConnectorContext;
  readonly #loads = new Map<string, Promise<ScriptLoad>>();

  constructor(context: ConnectorContext) {
    this.#context = context;
  }

  batchRows({ batchRows }: ScriptTarget): number {
    return batchRows;
  }

  async deliver(
    batches: readonly RecordBatch[],
    request: DeliveryRequest<ScriptTarget>,
    signal: AbortSignal,
  ): Promise<readonly DeliveryResult[]> {
    let load = this.#loads.get(request.loadId);
    if (load === undefined) {
      load = ScriptLoad.begin(this.#context, request, signal);
      this.#loads.set(request.loadId, load);
    }
    return await (await load).deliver(batches, request);
  }

  async finish({ loadId }: LoadDelivery<ScriptTarget>): Promise<void> {
    await using load = await this.#loads.get(loadId);
    this.#loads.delete(loadId);
    await load?.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const load of this.#loads.values()) {
      await load.then((begun) => begun[Symbol.asyncDispose](), () => {});
    }
  }
}

/** One script that takes the rows of one load. */
class ScriptLoad implements AsyncDisposable {
  readonly #log: LoadDelivery["log"];
  readonly #path: string;
  readonly #sandbox: Sandbox;
  readonly #requests: ScriptRequests;
  readonly #logs = new LogReports();
  #rows = 0;
  /** Of the requests that no delivery has told of yet. */
  #traffic = NO_TRAFFIC;
  #tell: DeliveryRequest["onTraffic"];
  #tellLast: DeliveryRequest["onTraffic"];

  private constructor(
    context: ConnectorContext,
    { target, log }: LoadDelivery<ScriptTarget>,
    sandbox: Sandbox,
  ) {
    this.#log = log;
    this.#path = target.script;
    this.#sandbox = sandbox;
    this.#requests = new ScriptRequests(context, {
      ...target,
      onTraffic: (more) => {
        this.#traffic = addTraffic(this.#traffic, more);
        this.#tell?.(this.#traffic);
      },
      send: (kind, payload) => sandbox.send(kind, payload),
    });
  }

  static async begin(
    context: ConnectorContext,
    request: LoadDelivery<ScriptTarget>,
    signal: AbortSignal,
  ): Promise<ScriptLoad> {
    const { target, run } = request;
    const order = await orderOf(context, target, "destination", { run });
    return new ScriptLoad(context, request, await startScript(context, target, order, signal));
  }

  /** Until the script asks for more. Throws what it failed with. */
  async deliver(
    batches: readonly RecordBatch[],
    { idempotencyKey, onTraffic }: Pick<DeliveryRequest, "idempotencyKey" | "onTraffic">,
  ): Promise<readonly DeliveryResult[]> {
    const rows = batches.reduce((sum, { numRows }) => sum + numRows, 0);
    this.#rows += rows;
    this.#tell = onTraffic;
    this.#tell?.(this.#traffic);
    await this.#sandbox.send(ORDER.batch, rowTexts(batches, idempotencyKey));
    const payload = await this.#until(REPORT.taken);
    // What it asks for between two batches is told with the next one.
    [this.#traffic, this.#tell, this.#tellLast] = [NO_TRAFFIC, undefined, onTraffic];
    const results = Array.from({ length: rows }, () => OK);
    for (const [at, reason] of this.#judged(() => parseReport("taken", payload)).rejected) {
      if (at in results) results[at] = { type: "rejected", reason };
    }
    return results;
  }

  /** Until the script's function has returned. Throws what it failed with. */
  async finish(): Promise<void> {
    this.#tell = this.#tellLast;
    this.#tell?.(this.#traffic);
    await this.#sandbox.send(ORDER.lastBatch, new Uint8Array());
    const payload = await this.#until(REPORT.end);
    const { rows } = this.#judged(() => parseReport("end", payload));
    if (rows !== this.#rows) throw this.#broke(new FrameFault(`${rows} of ${this.#rows} rows as taken`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#requests[Symbol.dispose]();
    await this.#sandbox[Symbol.asyncDispose]();
  }

  /** The frame of this kind, after all that comes before it. */
  async #until(wanted: number): Promise<Uint8Array> {
    for (;;) {
      const { kind, payload } = await this.#sandbox.next();
      if (kind === wanted) return payload;
      if (kind === REPORT.failure) {
        throw scriptError(this.#path, this.#judged(() => parseReport("failure", payload)));
      }
      if (kind === REPORT.end) {
        throw new AppError("invalid", `${this.#path}: write() returned before it had taken all rows`);
      }
      if (kind !== REPORT.log) {
        this.#judged(() => this.#takeRequest(kind, payload));
        continue;
      }
      for (const { level, message } of this.#logs.take(this.#judged(() => parseReport("log", payload)))) {
        this.#log(level, message);
      }
    }
  }

  #takeRequest(kind: number, payload: Uint8Array): void {
    if (!this.#requests.take(kind, payload)) throw new FrameFault("a frame of an unknown kind");
  }

  #judged<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      throw error instanceof FrameFault ? this.#broke(error) : error;
    }
  }

  #broke(fault: FrameFault): AppError {
    return this.#sandbox.garbled(fault);
  }
}
