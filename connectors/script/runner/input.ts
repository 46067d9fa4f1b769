import type { InputBatch, Row } from "../../../contract/script/sluice.d.ts";
import { REPORT } from "../sandbox/frames.ts";
import { RowError } from "./cell.ts";
import type { Channel } from "./channel.ts";
import { readRows } from "./given_rows.ts";

/** The rows of other streams, each batch of which is sent when the script asks for it. */
export class Input {
  readonly #channel: Channel;
  readonly #hasInput: boolean;
  readonly #waiting: ((payload: Uint8Array | null) => void)[] = [];
  #isAtEnd = false;

  constructor(channel: Channel, hasInput: boolean) {
    this.#channel = channel;
    this.#hasInput = hasInput;
  }

  /** What a wish for rows has brought: a batch's payload, or null behind the last one. */
  take(payload: Uint8Array | null): void {
    this.#waiting.shift()?.(payload);
  }

  /** From where a loop before it was left. Throws RowError where there is no input. */
  readonly batches: AsyncIterable<InputBatch> = Object.freeze({
    [Symbol.asyncIterator]: () => {
      if (!this.#hasInput) throw new RowError("ctx.input: name a stream by the key input");
      return { next: () => this.#next() };
    },
  });

  async #next(): Promise<IteratorResult<InputBatch>> {
    if (this.#isAtEnd) return { done: true, value: undefined };
    const payload = await new Promise<Uint8Array | null>((resolve) => {
      this.#waiting.push(resolve);
      this.#channel.send(REPORT.more, null);
    });
    if (payload === null) {
      this.#isAtEnd = true;
      return { done: true, value: undefined };
    }
    const rows: Row[] = [];
    const stream = readRows(payload, rows);
    return { done: false, value: Object.assign(rows, { stream }) };
  }
}
