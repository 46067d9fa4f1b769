import type {
  DeliveringDestination,
  DeliveryResult,
  LoadDelivery,
  LoadInput,
  LoadReceipt,
} from "../../contract/connector/destination.ts";
import { AppError } from "../../contract/errors.ts";
import type { LogLevel } from "../../contract/log.ts";
import { limitOf } from "../../contract/pipeline/words.ts";
import { addTraffic, NO_TRAFFIC, type Traffic } from "../../contract/streams/traffic.ts";
import { formatPlural } from "../../text/format.ts";
import { type DeliveredRows, rowPosition, rowsAtOnce } from "./loads/delivered_rows.ts";
import type { RejectedRow } from "./loads/rejected_rows.ts";
import { jsonText } from "../../connectors/destination/json_text.ts";

/** How often rows are sent again that the system may take later, and how long is waited in between. */
const TRIES = 5;
const FIRST_PAUSE_MS = 500;
const MAX_SHOWN = 3;
/** So many are told one by one. */
const MAX_LOGGED = 10;
/** So many are kept; all are counted. */
const MAX_KEPT = 10_000;

export interface DeliverContext {
  readonly signal: AbortSignal;
  /** How many rows the load lets the system reject: a number, or a share as `1%`. */
  readonly maxRejects: number | string;
  readonly log: (level: LogLevel, message: string) => void;
  /** Waits; rejects with the signal's reason. */
  readonly pause: (ms: number) => Promise<void>;
  /** Told what the requests of all deliveries so far have come to, while they go on. */
  readonly onTraffic?: (traffic: Traffic) => void;
  /** Called after each delivery with the place of its first row among all. */
  readonly onDelivered: (first: number) => void | Promise<void>;
  /** Keeps the rows that were rejected; called once, when no more rows are read. */
  readonly keep: (rejected: readonly RejectedRow[]) => Promise<void>;
  /** Of rows that were sent before: each goes by itself. */
  readonly again?: RowsSentAgain;
}

/** Rows by their places among all. */
export interface RowsSentAgain {
  /** In the place of a key by the load and the row's place. */
  keyOf(at: number): string;
  onRejected(at: number, reason: string): void;
}

/**
 * Sends all rows to a system that has no transaction, several deliveries at a time where that allows it, at least once each: a process that dies sends
 * again, under the same idempotency keys, what an earlier attempt has sent. Throws `invalid` with
 * the reasons where the system rejected more rows than the load lets it: no delivery begins
 * after the one in which a number was passed. Throws `unavailable` where it did not take some in the end.
 */
export async function deliverRows(
  context: DeliverContext,
  destination: DeliveringDestination,
  request: LoadDelivery,
  input: LoadInput,
): Promise<LoadReceipt> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const delivery = new Delivery({ ...context, signal }, destination, request);
  const maxRows = context.again === undefined ? destination.batchRows(request.target) : 1;
  const atOnce = destination.deliveriesAtOnce?.(request.target) ?? 1;
  const going = new Set<Promise<void>>();
  const send = (rows: DeliveredRows) => {
    const work: Promise<void> = delivery.send(rows).then(() => context.onDelivered(rows.first))
      .catch((error) => stop.abort(error)).finally(() => going.delete(work));
    going.add(work);
  };
  try {
    for await (const rows of rowsAtOnce(input.batches(), maxRows)) {
      send(rows);
      if (going.size >= atOnce) await Promise.race(going);
      if (stop.signal.aborted) break;
    }
    await Promise.all(going);
    // The first failure; it has ended the others.
    if (stop.signal.aborted) throw stop.signal.reason;
    if (delivery.sent > 0) await destination.finish?.(request, signal);
  } catch (error) {
    stop.abort(error);
    await Promise.all(going);
    const { sent, rejected } = delivery;
    if (sent > rejected) {
      context.log("warn", `${formatPlural(sent - rejected, "row")} delivered before it failed`);
    }
    throw error;
  } finally {
    await context.keep(delivery.kept);
  }
  const { sent: rows, sizeBytes, rejected } = delivery;
  if (input.rows !== null && input.rows !== rows) {
    throw new AppError("internal", `${input.rows} rows were announced and ${rows} sent`);
  }
  delivery.checkShare();
  const counts = { inserted: null, updated: null, deleted: null };
  return { rows, ...counts, hash: await input.hash(), sizeBytes, repeated: false, rejects: rejected };
}

/** What became of the rows of one load so far. */
class Delivery {
  readonly #context: DeliverContext;
  readonly #destination: DeliveringDestination;
  readonly #request: LoadDelivery;
  /** With their places among all rows. */
  readonly #kept: { readonly at: number; readonly row: RejectedRow }[] = [];
  /** Of deliveries that have ended, and of those that go on. */
  #traffic = NO_TRAFFIC;
  readonly #going = new Map<string, Traffic>();
  sent = 0;
  sizeBytes = 0;
  rejected = 0;

  constructor(
    context: DeliverContext,
    destination: DeliveringDestination,
    request: LoadDelivery,
  ) {
    this.#context = context;
    this.#destination = destination;
    this.#request = request;
  }

  /** The rows that were rejected, in their order. */
  get kept(): readonly RejectedRow[] {
    return this.#kept.toSorted((one, other) => one.at - other.at).map(({ row }) => row);
  }

  /** Until each row is taken or rejected. Throws where too many are, or are not taken in the end. */
  async send(whole: DeliveredRows): Promise<void> {
    const { signal, pause } = this.#context;
    let left: DeliveredRows[] = [whole];
    let open = whole.count;
    for (let tries = 1;; tries++) {
      const again: DeliveredRows[] = [];
      let reason = "";
      for (const rows of left) {
        const results = await this.#deliver(rows, signal);
        if (results.length !== rows.count) {
          throw new AppError(
            "internal",
            `The destination gave ${results.length} results for ${rows.count} rows`,
          );
        }
        for (const [index, result] of results.entries()) {
          if (result.type === "rejected") this.#reject(rows, index, result.reason);
          if (result.type !== "retryable") continue;
          const one = rows.at(index);
          reason = `${this.#positionOf(one)}: ${result.reason}`;
          again.push(one);
        }
      }
      this.sent += open - again.length;
      open = again.length;
      this.#checkCount();
      if (again.length === 0) break;
      if (tries === TRIES) {
        throw new AppError("unavailable", `${again.length} rows were not taken in ${TRIES} tries: ${reason}`);
      }
      await pause(FIRST_PAUSE_MS * 2 ** (tries - 1));
      left = again;
    }
    this.sizeBytes += whole.sizeBytes;
  }

  async #deliver(rows: DeliveredRows, signal: AbortSignal): Promise<readonly DeliveryResult[]> {
    const idempotencyKey = this.#context.again?.keyOf(rows.first) ??
      `${this.#request.loadId}/${rows.first}+${rows.count}`;
    const onTraffic = (traffic: Traffic) => {
      this.#going.set(idempotencyKey, traffic);
      this.#context.onTraffic?.([...this.#going.values()].reduce(addTraffic, this.#traffic));
    };
    try {
      return await this.#destination.deliver(
        rows.batches,
        { ...this.#request, idempotencyKey, onTraffic },
        signal,
      );
    } finally {
      this.#traffic = addTraffic(this.#traffic, this.#going.get(idempotencyKey) ?? NO_TRAFFIC);
      this.#going.delete(idempotencyKey);
    }
  }

  #positionOf(rows: DeliveredRows): string {
    return rowPosition(rows, this.#request.primaryKey);
  }

  #reject(rows: DeliveredRows, index: number, told: string): void {
    const reason = told.replace(/[\p{Cc}\s]+/gu, " ");
    const row = rows.at(index);
    const position = this.#positionOf(row);
    this.rejected += 1;
    this.#context.again?.onRejected(row.first, reason);
    if (this.rejected <= MAX_LOGGED) this.#context.log("warn", `Rejected: ${position}: ${reason}`);
    if (this.rejected === MAX_LOGGED + 1) this.#context.log("warn", "More rows are rejected");
    if (this.#kept.length < MAX_KEPT) {
      const [batch] = row.batches;
      const json = batch === undefined ? "null" : jsonText(batch.data, 0);
      this.#kept.push({ at: row.first, row: { position, reason, row: json } });
    } else if (this.#kept.length === MAX_KEPT && this.rejected === MAX_KEPT + 1) {
      this.#context.log("warn", `Only the first ${MAX_KEPT} rejected rows are kept in _sluice.rejects`);
    }
  }

  #checkCount(): void {
    const limit = limitOf(this.#context.maxRejects);
    if ("count" in limit && this.rejected > limit.count) {
      throw this.#tooMany("the rows behind them were not sent");
    }
  }

  /** To be called at the end. */
  checkShare(): void {
    const limit = limitOf(this.#context.maxRejects);
    if ("share" in limit && this.rejected > limit.share * this.sent) {
      throw this.#tooMany("the others are delivered");
    }
  }

  #tooMany(others: string): AppError {
    const shown = this.kept.slice(0, MAX_SHOWN).map(({ position, reason }) => `${position}: ${reason}`);
    const more = this.rejected > MAX_SHOWN ? ` and ${this.rejected - MAX_SHOWN} more` : "";
    return new AppError(
      "invalid",
      `${this.rejected} of ${this.sent} rows were rejected (max_rejects is ${this.#context.maxRejects}), ` +
        `${others}: ${shown.join("; ")}${more}`,
      { detail: "max_rejects on the load lets rows that the destination rejects be kept aside." },
    );
  }
}
