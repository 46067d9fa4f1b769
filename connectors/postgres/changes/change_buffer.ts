import type { RecordBatch } from "apache-arrow";
import type {
  Change,
  ChangeOperation,
  ChangesMessage,
  ChangeTransaction,
} from "../../../contract/connector/changes.ts";
import { AppError } from "../../../contract/errors.ts";
import { BatchDecoder } from "../read/decode/batch_decoder.ts";
import { ofStream } from "../../of_stream.ts";
import { UnfitValueError } from "../../unfit_value.ts";
import { COPY_DATA } from "../session/copy_data.ts";
import type { LoggedRelation } from "./logged_relation.ts";
import type { Tuple } from "./pgoutput.ts";
import { writeValue } from "./value_forms.ts";
import { WireWriter } from "./wire_writer.ts";

/** Bytes that are written before they are decoded. */
const DECODE_BYTES = 1024 * 1024;
/** `PGCOPY\n\377\r\n\0`, no flags, no extension: what a binary COPY begins with. */
const COPY_HEADER = new Uint8Array([
  ...[0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00],
  ...new Uint8Array(8),
]);

/**
 * Collects the changes of one table in batches: each row is written as a binary COPY would send it, for
 * the decoders that read snapshots.
 */
export class ChangeBuffer {
  readonly logged: LoggedRelation;
  readonly #options: { readonly validateUtf8: boolean };
  #decoder: BatchDecoder | undefined;
  readonly #wire = new WireWriter();
  #changes: Change[] = [];
  #hasBegun = false;

  constructor(logged: LoggedRelation, options: { readonly validateUtf8: boolean }) {
    this.logged = logged;
    this.#options = options;
  }

  /** Adds one row. Returns the messages that became full. */
  add(
    operation: ChangeOperation,
    row: Tuple | undefined,
    transaction: ChangeTransaction,
    isMoved = false,
  ): ChangesMessage[] {
    const unchanged = this.#write(row);
    this.#changes.push({
      operation,
      transaction,
      ...(unchanged.length === 0 ? {} : { unchanged }),
      ...(isMoved ? { isMoved } : {}),
    });
    return this.#wire.length < DECODE_BYTES ? [] : this.#decode();
  }

  /** An update: `old` is what the log has of the row before it, all of it or its key (`isKey`). */
  update(
    row: Tuple,
    old: Tuple | undefined,
    isKey: boolean,
    transaction: ChangeTransaction,
  ): ChangesMessage[] {
    const whole = old === undefined || isKey
      ? row
      : row.map((value, i) => value === undefined ? old[i] : value);
    if (old === undefined || !this.#movesKey(whole, old)) return this.add("update", whole, transaction);
    const gone = () => this.add("delete", old, transaction);
    const come = () => this.add("insert", whole, transaction, true);
    if (!this.#hasUnchanged(whole)) return [...gone(), ...come()];
    // What it keeps of its old row is looked up there: nothing else may come between.
    return [...this.flush(), ...gone(), ...come(), ...this.flush()];
  }

  /** All that is there. */
  flush(): ChangesMessage[] {
    const full = this.#decode();
    const last = this.#decoder?.flush();
    return last === undefined ? full : [...full, this.#message(last)];
  }

  /** Gives back the memory that it has for decoding, after a `flush`. */
  release(): void {
    this.#decoder = undefined;
    this.#hasBegun = false;
  }

  /** A message without a change: it has the columns. */
  empty(): ChangesMessage {
    return this.#message(this.#newDecoder().emptyBatch());
  }

  #newDecoder(): BatchDecoder {
    const { columns, schema } = this.logged;
    return new BatchDecoder(schema, columns.map(({ decode }) => decode), this.#options);
  }

  #movesKey(row: Tuple, old: Tuple): boolean {
    const { key, places } = this.logged;
    return key.some((column) => {
      const place = places[column] ?? 0;
      const [now, before] = [row[place], old[place]];
      return now !== undefined && !isSameValue(now, before);
    });
  }

  #hasUnchanged(row: Tuple): boolean {
    return this.logged.places.some((place) => row[place] === undefined);
  }

  /** Returns the columns that the log left out. */
  #write(row: Tuple | undefined): number[] {
    const { columns, places } = this.logged;
    const unchanged: number[] = [];
    const out = this.#wire;
    out.byte(COPY_DATA);
    out.sized(() => {
      if (!this.#hasBegun) out.bytes(COPY_HEADER);
      this.#hasBegun = true;
      out.int16(columns.length);
      for (const [i, column] of columns.entries()) {
        const value = row === undefined ? null : row[places[i] ?? 0];
        if (value === undefined) unchanged.push(i);
        if (value === undefined || value === null) out.int32(-1);
        else out.sized(() => writeValue(out, column, value));
      }
    }, LENGTH_BYTES);
    return unchanged;
  }

  #decode(): ChangesMessage[] {
    const bytes = this.#wire.written;
    if (bytes.length === 0) return [];
    try {
      this.#decoder ??= this.#newDecoder();
      const batches = [...this.#decoder.push({ bytes, start: 0, end: bytes.length })];
      this.#wire.clear();
      return batches.map((batch) => this.#message(batch));
    } catch (error) {
      if (error instanceof UnfitValueError) throw ofStream(this.logged.table.name, this.#unfit(error));
      throw error;
    }
  }

  #message(batch: RecordBatch): ChangesMessage {
    const { key, table } = this.logged;
    const changes = this.#changes.splice(0, batch.numRows);
    return { type: "changes", stream: table.name, primaryKey: key, batch, changes };
  }

  #unfit({ column, message }: UnfitValueError): AppError {
    const name = JSON.stringify(column);
    const { position = "" } = this.#changes[0]?.transaction ?? {};
    const advice = message.includes("text_columns")
      ? ""
      : `; add ${name} to the stream's option text_columns to read it as text`;
    return new AppError(
      "invalid",
      `${this.logged.table.action}: column ${name} of a row at ${position} or later ${message}${advice}, and run ` +
        "once with --full-refresh",
    );
  }
}

/** A message's length counts itself. */
const LENGTH_BYTES = 4;

function isSameValue(one: Uint8Array | null, other: Uint8Array | null | undefined): boolean {
  if (one === null || other === null || other === undefined) return one === other;
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
