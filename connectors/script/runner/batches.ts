import type { Row } from "../../../contract/script/sluice.d.ts";
import { REPORT } from "../sandbox/frames.ts";
import { RowError } from "./cell.ts";
import type { Channel } from "./channel.ts";
import { readRows } from "./given_rows.ts";

/** Rows as a script that takes them is given them. */
class Batch extends Array<Row> {
  /** Derived arrays are plain ones. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

interface Given {
  readonly rows: Batch;
  readonly rejected: Map<number, string>;
  isOver: boolean;
}

/** The rows of a load, a batch at a time: asking for the next one says that the last one is taken. */
export class Batches {
  readonly #channel: Channel;
  readonly #waiting: ((payload: Uint8Array | null) => void)[] = [];
  readonly #arrived: (Uint8Array | null)[] = [];
  #given: Given | undefined;
  #isAtEnd = false;
  #isLeft = false;
  rows = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** A batch's payload, or null behind the last one. */
  take(payload: Uint8Array | null): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#arrived.push(payload);
    else next(payload);
    // Several loops may have asked.
    if (payload === null) { for (const one of this.#waiting.splice(0)) one(null); }
  }

  /** To be called when the script's function has returned. Throws RowError where it has not taken all rows. */
  end(): void {
    if (this.#isAtEnd && !this.#isLeft) return;
    throw new RowError(`write() returned before it had asked for all batches (after ${this.rows} rows)`);
  }

  [Symbol.asyncIterator](): AsyncIterator<Batch> {
    return {
      next: async () => {
        if (this.#isAtEnd) return { done: true, value: undefined };
        this.#giveBack();
        const payload = await this.#next();
        if (payload === null) {
          this.#isAtEnd = true;
          return { done: true, value: undefined };
        }
        return { done: false, value: this.#open(payload) };
      },
      // A loop was left in its middle.
      return: () => {
        this.#isLeft = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #next(): Promise<Uint8Array | null> {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) return Promise.resolve(arrived);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #giveBack(): void {
    const given = this.#given;
    if (given === undefined) return;
    given.isOver = true;
    this.#given = undefined;
    this.#channel.send(REPORT.taken, { rejected: [...given.rejected] });
  }

  #open(payload: Uint8Array): Batch {
    const batch = new Batch();
    const key = readRows(payload, batch);
    const given: Given = { rows: batch, rejected: new Map(), isOver: false };
    Object.defineProperties(batch, {
      key: { value: key },
      reject: { value: (row: unknown, reason: unknown) => reject(given, row, reason) },
    });
    this.#given = given;
    this.rows += batch.length;
    return batch;
  }
}

/** `row` is one of the batch's own, or its place in it. */
function reject({ rows, rejected, isOver }: Given, row: unknown, reason: unknown): void {
  if (isOver) throw new RowError("batch.reject: the next batch was asked for, so that this one is taken");
  const at = typeof row === "number" ? row : rows.findIndex((one) => one === row);
  if (!Number.isInteger(at) || at < 0 || at >= rows.length) {
    throw new RowError("batch.reject: expected a row of the batch, or its place from 0");
  }
  rejected.set(at, String(reason ?? "rejected by the script").slice(0, 4_000));
}
