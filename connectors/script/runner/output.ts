import { REPORT } from "../sandbox/frames.ts";
import { type ArrowRows, batchesOf, encodeArrow, isArrow } from "./arrow_table.ts";
import { jsonText, RowError } from "./cell.ts";
import type { Channel } from "./channel.ts";
import { RowBuffer, shown } from "./row_buffer.ts";

/** A row that nothing follows for so long goes on its way. */
const HOLD_MS = 500;

/** Where the rows of a script go. */
export class Output {
  readonly #channel: Channel;
  readonly #rows = new RowBuffer();
  #sinceMs = 0;
  /** Rows that came as Arrow. */
  #arrowRows = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  get total(): number {
    return this.#rows.total + this.#arrowRows;
  }

  declare(names: readonly unknown[]): void {
    this.#rows.declare(names);
  }

  /** Takes what the script has yielded: rows in one of their forms. Throws RowError. */
  async take(given: unknown): Promise<void> {
    if (this.#rows.isEmpty) this.#sinceMs = performance.now();
    if (Array.isArray(given)) {
      const takes = Array.isArray(given[0]) ? "takeArrays" : "takeObjects";
      for (let next = 0; next < given.length;) {
        next = this.#rows[takes](given, next);
        if (this.#rows.isFull) await this.#send();
      }
    } else if (given instanceof Uint8Array) {
      await this.#send();
      throw new RowError("bytes are no rows; those of Arrow are: yield tableFromIPC(bytes), by apache-arrow");
    } else if (isArrow(given)) await this.#takeArrow(given);
    else if (isColumns(given)) await this.#takeColumns(given.columns);
    else if (typeof given === "object" && given !== null) this.#rows.takeObject(given);
    else throw new RowError(`${shown(given)} was yielded, expected a row, rows or columns`);
    if (this.#rows.isFull || performance.now() - this.#sinceMs > HOLD_MS) await this.#send();
  }

  /** Everything before it belongs together with the state. Throws RowError for what JSON cannot hold. */
  async checkpoint(state: unknown): Promise<void> {
    const text: string | undefined = state === undefined ? undefined : jsonText(state);
    if (text === undefined) throw new RowError("ctx.checkpoint: expected a state of JSON");
    this.#encode(false);
    this.#channel.sendBytes(REPORT.state, new TextEncoder().encode(text));
    await this.#channel.room();
  }

  /** The script has come to its end. */
  async end(): Promise<void> {
    this.#encode(true);
    this.#channel.send(REPORT.end, { rows: this.total });
    await this.#channel.flush();
  }

  /** Rows before it are sent before it. */
  async #takeArrow(given: ArrowRows): Promise<void> {
    await this.#send();
    for (const batch of batchesOf(given)) {
      const arena = this.#channel.arena();
      encodeArrow(batch, arena);
      this.#channel.sendArena(REPORT.arrow, arena);
      this.#arrowRows += batch.numRows;
      await this.#channel.room();
    }
  }

  async #takeColumns(given: Readonly<Record<string, ArrayLike<unknown>>>): Promise<void> {
    const columns = new Map(Object.entries(given));
    const lengths = new Set([...columns.values()].map(({ length }) => length));
    const [rows = 0] = lengths;
    if (lengths.size > 1) {
      throw new RowError(
        `columns are not of one length: ${
          [...columns].map(([name, { length }]) => `${name} has ${length}`).join(", ")
        }`,
      );
    }
    for (let next = 0; next < rows;) {
      next = this.#rows.takeColumns(columns, rows, next);
      if (this.#rows.isFull) await this.#send();
    }
  }

  async #send(): Promise<void> {
    this.#encode(false);
    await this.#channel.room();
  }

  #encode(isLast: boolean): void {
    const arena = this.#channel.arena();
    if (this.#rows.encode(arena, isLast)) this.#channel.sendArena(REPORT.rows, arena);
  }
}

/** `{columns: {id: [1, 2], name: ["a", "b"]}}` */
function isColumns(
  given: unknown,
): given is { readonly columns: Readonly<Record<string, ArrayLike<unknown>>> } {
  if (typeof given !== "object" || given === null || !("columns" in given)) return false;
  const { columns, ...more } = given;
  return Object.keys(more).length === 0 && typeof columns === "object" && columns !== null &&
    Object.values(columns).every((values) =>
      Array.isArray(values) || ArrayBuffer.isView(values) && "length" in values
    );
}
