import { type ColumnType, LAYOUT_HEAD_BYTES, type RowsLayout } from "../sandbox/batch_layout.ts";
import { RESULT_COLUMN, resultKind, unpackArguments } from "../sandbox/call_layout.ts";
import { type CalledFunction, HEAD_BYTES, REPORT } from "../sandbox/frames.ts";
import type { Arena } from "./arena.ts";
import { readArguments } from "./arguments.ts";
import { RowError } from "./cell.ts";
import { CellError } from "./cell_error.ts";
import type { Channel } from "./channel.ts";
import { ENCODERS } from "./encoders.ts";
import { resultReader } from "./results.ts";

type Called = (...values: readonly unknown[]) => unknown;

/** What a call failed with. */
export class CallFailure extends Error {
  override readonly cause: unknown;
  /** As `clean_phone('+33')`. */
  readonly call: string;

  constructor(cause: unknown, call: string) {
    super("a call failed");
    this.cause = cause;
    this.call = call;
  }
}

/** Calls a function of SQL, many calls at a time. */
export class Calls {
  readonly #channel: Channel;
  readonly #declared: CalledFunction;
  readonly #called: Called;
  readonly #read: (value: unknown) => unknown;

  /** `exported` is the module's default export. Throws RowError where it is no function. */
  constructor(channel: Channel, declared: CalledFunction, exported: unknown) {
    if (typeof exported !== "function") {
      throw new RowError(
        "it has no function to call: a function of SQL is `export default function (value) { return … }`",
      );
    }
    this.#channel = channel;
    this.#declared = declared;
    // Without `this`, which is none of the function's business.
    this.#called = (...values) => exported(...values);
    this.#read = resultReader(declared.returns);
    channel.send(REPORT.ready, null);
  }

  /** Sends back what the calls of the payload return. Throws CallFailure. */
  take(payload: Uint8Array): void {
    const { parameters } = this.#declared;
    const { rows, columns } = unpackArguments(payload, parameters.length);
    const values = parameters.map((kind, index) => {
      const column = columns[index];
      return column === undefined ? [] : readArguments(kind, column, rows);
    });
    const results: unknown[] = new Array(rows);
    const nulls = this.#callAll(values, results);
    const arena = this.#channel.arena();
    arena.clear();
    const type = resultKind(this.#declared.returns);
    const bytes = this.#encode(arena, type, results, nulls, values);
    const layout: RowsLayout = { rows, columns: [{ name: RESULT_COLUMN, type, nulls, bytes }] };
    const end = arena.used;
    arena.append(new TextEncoder().encode(JSON.stringify(layout)));
    new DataView(arena.bytes.buffer, HEAD_BYTES, LAYOUT_HEAD_BYTES).setUint32(0, end - HEAD_BYTES, true);
    this.#channel.sendArena(REPORT.results, arena);
  }

  /** Returns how many results are NULL. */
  #callAll(values: readonly (readonly unknown[])[], results: unknown[]): number {
    const { takesNulls } = this.#declared;
    const [first] = values;
    // Of one argument no list need be made.
    const called = first !== undefined && values.length === 1
      ? (i: number) => first[i] === null && !takesNulls ? null : this.#called(first[i])
      : (i: number) => {
        const given = values.map((column) => column[i]);
        return !takesNulls && given.includes(null) ? null : this.#called(...given);
      };
    let nulls = 0;
    for (let i = 0; i < results.length; i++) {
      try {
        const result = called(i);
        if (result === null || result === undefined) {
          results[i] = null;
          nulls++;
        } else results[i] = this.#read(result);
      } catch (error) {
        throw this.#failure(error, values, i);
      }
    }
    return nulls;
  }

  #encode(
    arena: Arena,
    type: ColumnType,
    results: readonly unknown[],
    nulls: number,
    values: readonly (readonly unknown[])[],
  ): number {
    const rows = results.length;
    if (nulls > 0) {
      const at = arena.zeros(Math.ceil(rows / 8));
      const { bytes } = arena;
      for (let i = 0; i < rows; i++) {
        if (results[i] !== null) bytes[at + (i >> 3)] = (bytes[at + (i >> 3)] ?? 0) | 1 << (i & 7);
      }
    }
    try {
      const bytes = ENCODERS[type](results, rows, arena);
      if (bytes === undefined) throw new RowError("it returned values of several kinds");
      return bytes;
    } catch (error) {
      if (!(error instanceof CellError)) throw error;
      throw this.#failure(
        new RowError(`it returned a value that is none: ${error.message}`),
        values,
        error.row,
      );
    }
  }

  #failure(error: unknown, values: readonly (readonly unknown[])[], row: number): CallFailure {
    const shown = values.map((column) => shownValue(column[row])).join(", ");
    return new CallFailure(error, `${this.#declared.name}(${shown})`);
  }
}

const MAX_SHOWN = 40;

function shownValue(value: unknown): string {
  if (value === null) return "NULL";
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "object") return "an object";
  const text = [...String(value)];
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN).join("")}…` : text.join("");
  return typeof value === "string" ? `'${cut.replaceAll("'", "''")}'` : cut;
}
