import type { RecordBatch } from "apache-arrow";
import type {
  Change,
  ChangeOperation,
  ChangesMessage,
  ChangeTransaction,
} from "../../../contract/connector/changes.ts";
import { AppError } from "../../../contract/errors.ts";
import { UnfitValueError } from "../../unfit_value.ts";
import { BatchDecoder } from "../read/decode/batch_decoder.ts";
import type { LoggedTable } from "./logged_table.ts";
import type { ServerTexts } from "./values/server_texts.ts";
import type { PhysicalColumn, RowImage } from "./log/table_map.ts";
import { TextRowWriter } from "./values/text_row_writer.ts";
import { writeValue } from "./values/value_text.ts";
import type { LoggedColumn } from "./values/logged_column.ts";

/** Bytes that are written before they are decoded. */
const DECODE_BYTES = 1024 * 1024;

/**
 * Collects the changes of one table in batches: each row is written as a result would have it, for the
 * decoders that read snapshots.
 */
export class ChangeBuffer {
  readonly logged: LoggedTable;
  readonly #texts: ServerTexts;
  readonly #writer = new TextRowWriter();
  #decoder: BatchDecoder | undefined;
  #changes: Change[] = [];

  constructor(logged: LoggedTable, texts: ServerTexts) {
    this.logged = logged;
    this.#texts = texts;
  }

  /** Adds one row, or none for a truncate. Returns the messages that became full. */
  add(
    operation: ChangeOperation,
    row: RowImage | undefined,
    physical: readonly PhysicalColumn[],
    transaction: ChangeTransaction,
  ): ChangesMessage[] {
    const isLong = this.#write(row, physical);
    this.#changes.push({ operation, transaction });
    if (isLong) {
      const before = this.#writer.takeBefore();
      return [
        ...(before === undefined ? [] : this.#decode(before)),
        ...this.#decode(this.#writer.take(false)),
      ];
    }
    return this.#writer.length < DECODE_BYTES ? [] : this.#decode(this.#writer.take(true));
  }

  /** An update; one of the key is a row that goes, and one that comes. */
  update(
    before: RowImage,
    after: RowImage,
    physical: readonly PhysicalColumn[],
    transaction: ChangeTransaction,
  ): ChangesMessage[] {
    if (!this.#movesKey(before, after)) return this.add("update", after, physical, transaction);
    return [
      ...this.add("delete", before, physical, transaction),
      ...this.add("insert", after, physical, transaction),
    ];
  }

  /** All that is there. */
  flush(): ChangesMessage[] {
    const full = this.#writer.length === 0 ? [] : this.#decode(this.#writer.take(true));
    const last = this.#decoder?.flush();
    return last === undefined ? full : [...full, this.#message(last)];
  }

  /** Gives back the memory that it has for decoding, after a `flush`. */
  release(): void {
    this.#decoder = undefined;
  }

  /** A message without a change: it has the columns. */
  empty(): ChangesMessage {
    return this.#message(this.#newDecoder().emptyBatch());
  }

  #newDecoder(): BatchDecoder {
    const { columns, schema } = this.logged;
    return new BatchDecoder(schema, columns.map(({ decode }) => decode));
  }

  #movesKey(before: RowImage, after: RowImage): boolean {
    const { key, columns } = this.logged;
    return key.some((column) => {
      const place = columns[column]?.place ?? 0;
      return !isSameValue(before[place], after[place]);
    });
  }

  /** Returns whether the row is to be decoded alone. */
  #write(row: RowImage | undefined, physical: readonly PhysicalColumn[]): boolean {
    const writer = this.#writer;
    writer.beginRow();
    for (const column of this.logged.columns) {
      const raw = row?.[column.place];
      const kind = physical[column.place];
      if (raw === undefined || raw === null || kind === undefined) writer.nothing();
      else this.#writeValue(column, kind, raw);
    }
    return writer.endRow();
  }

  #writeValue(column: LoggedColumn, kind: PhysicalColumn, raw: Uint8Array): void {
    try {
      writeValue(this.#writer, column, kind, raw, this.#texts);
    } catch (error) {
      if (error instanceof RangeError) throw this.#unfit(new UnfitValueError(column.name, 0, error.message));
      throw error;
    }
  }

  #decode(region: ReturnType<TextRowWriter["take"]>): ChangesMessage[] {
    try {
      this.#decoder ??= this.#newDecoder();
      return [...this.#decoder.push(region)].map((batch) => this.#message(batch));
    } catch (error) {
      if (error instanceof UnfitValueError) throw this.#unfit(error);
      throw error;
    }
  }

  #message(batch: RecordBatch): ChangesMessage {
    const { key, name } = this.logged;
    const changes = this.#changes.splice(0, batch.numRows);
    return { type: "changes", stream: name, primaryKey: key, batch, changes };
  }

  #unfit({ column, message }: UnfitValueError): AppError {
    const { position = "the place where it was read" } = this.#changes[0]?.transaction ?? {};
    return new AppError(
      "invalid",
      `${this.logged.action}: column ${
        JSON.stringify(column)
      } of a row at ${position} or later ${message}, ` +
        "and run once with --full-refresh",
    );
  }
}

function isSameValue(one: Uint8Array | null | undefined, other: Uint8Array | null | undefined): boolean {
  if (!(one instanceof Uint8Array) || !(other instanceof Uint8Array)) return one === other;
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
