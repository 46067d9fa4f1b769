import type { SqliteRow, SqliteValue } from "../../sqlite/database.ts";
import { WireError, WireReader, WireWriter } from "./wire.ts";

/**
 * Hrana 3 in Protocol Buffers: of its two encodings the one that says every value exactly. In JSON an
 * infinite number is a null. Source: https://github.com/tursodatabase/libsql, docs/HRANA_3_SPEC.md.
 */

export interface Statement {
  readonly sql: string;
  readonly args?: readonly SqliteValue[];
}

/** What is asked of a stream, one after the other; each has its own result. */
export type StreamRequest =
  /** Each statement runs where the one before it succeeded. */
  | { readonly type: "batch"; readonly statements: readonly Statement[] }
  | { readonly type: "describe"; readonly sql: string }
  | { readonly type: "close" };

export interface HranaColumn {
  readonly name: string;
  /** As the table declares it; null for an expression. */
  readonly declaredType: string | null;
}

export interface StatementResult {
  readonly columns: readonly HranaColumn[];
  readonly rows: readonly SqliteRow[];
  /** Rows that an INSERT, UPDATE or DELETE changed. */
  readonly changes: number;
}

/** What a statement failed with; `code` as SQLITE_CONSTRAINT, or one of the server's own, as BLOCKED. */
export interface HranaFault {
  readonly message: string;
  readonly code: string;
}

export type StreamResult =
  /** Of the statements that succeeded, and of the first that did not. */
  | { readonly type: "batch"; readonly results: readonly StatementResult[]; readonly fault?: HranaFault }
  | { readonly type: "describe"; readonly columns: readonly HranaColumn[] }
  | { readonly type: "other" }
  | { readonly type: "error"; readonly fault: HranaFault };

/** Of the first bytes of every answer: how the stream is found again, and where. */
export interface StreamPlace {
  /** Undefined where the stream is closed. */
  readonly baton: string | undefined;
  /** Where to go on; undefined for where it began. */
  readonly baseUrl: string | undefined;
}

export function encodePipeline(
  baton: string | undefined,
  requests: readonly StreamRequest[],
): Uint8Array<ArrayBuffer> {
  const writer = new WireWriter();
  if (baton !== undefined) writer.string(1, baton);
  for (const request of requests) writer.message(2, () => writeRequest(writer, request));
  return writer.finish();
}

function writeRequest(writer: WireWriter, request: StreamRequest): void {
  if (request.type === "close") writer.message(1, () => {});
  else if (request.type === "describe") writer.message(5, () => writer.string(1, request.sql));
  else writer.message(3, () => writer.message(1, () => writeBatch(writer, request.statements)));
}

function writeBatch(writer: WireWriter, statements: readonly Statement[]): void {
  for (const [index, statement] of statements.entries()) {
    writer.message(1, () => {
      if (index > 0) writer.message(1, () => writer.uint(1, index - 1));
      writer.message(2, () => writeStatement(writer, statement));
    });
  }
}

/** A cursor over the one statement. */
export function encodeCursor(baton: string | undefined, statement: Statement): Uint8Array<ArrayBuffer> {
  const writer = new WireWriter();
  if (baton !== undefined) writer.string(1, baton);
  writer.message(2, () => writeBatch(writer, [statement]));
  return writer.finish();
}

function writeStatement(writer: WireWriter, { sql, args = [] }: Statement): void {
  writer.string(1, sql);
  for (const value of args) writer.message(3, () => writeValue(writer, value));
}

function writeValue(writer: WireWriter, value: SqliteValue): void {
  if (value === null) writer.message(1, () => {});
  else if (typeof value === "bigint") writer.sint64(2, value);
  else if (typeof value === "number") writer.double(3, value);
  else if (typeof value === "string") writer.string(4, value);
  else writer.bytes(5, value);
}

/** Throws WireError for what is no answer to a pipeline. */
export function decodePipeline(bytes: Uint8Array): StreamPlace & { readonly results: StreamResult[] } {
  const reader = new WireReader(bytes);
  const results: StreamResult[] = [];
  let baton: string | undefined;
  let baseUrl: string | undefined;
  while (reader.next()) {
    if (reader.field === 1) baton = reader.string();
    else if (reader.field === 2) baseUrl = reader.string();
    else if (reader.field === 3) results.push(readStreamResult(reader.message()));
    else reader.skip();
  }
  return { baton, baseUrl, results };
}

function readStreamResult(reader: WireReader): StreamResult {
  let result: StreamResult = { type: "other" };
  while (reader.next()) {
    if (reader.field === 1) result = readResponse(reader.message());
    else if (reader.field === 2) result = { type: "error", fault: readFault(reader.message()) };
    else reader.skip();
  }
  return result;
}

function readResponse(reader: WireReader): StreamResult {
  let result: StreamResult = { type: "other" };
  while (reader.next()) {
    if (reader.field === 3) result = readBatchResult(inner(reader));
    else if (reader.field === 5) result = { type: "describe", columns: readDescribed(inner(reader)) };
    else reader.skip();
  }
  return result;
}

/** The message in the first field of the message in this field. */
function inner(reader: WireReader): WireReader {
  const outer = reader.message();
  while (outer.next()) {
    if (outer.field === 1) return outer.message();
    outer.skip();
  }
  throw new WireError("an answer has no result");
}

/** Two maps from a statement's place to what became of it. */
function readBatchResult(reader: WireReader): StreamResult {
  const results: StatementResult[] = [];
  let fault: HranaFault | undefined;
  while (reader.next()) {
    if (reader.field === 1) {
      const { key, value } = readEntry(reader.message());
      results[key] = readStatementResult(value);
    } else if (reader.field === 2) {
      fault = readFault(readEntry(reader.message()).value);
    } else reader.skip();
  }
  return { type: "batch", results, ...(fault === undefined ? {} : { fault }) };
}

function readEntry(reader: WireReader): { readonly key: number; readonly value: WireReader } {
  let key = 0;
  let value: WireReader | undefined;
  while (reader.next()) {
    if (reader.field === 1) key = reader.uint();
    else if (reader.field === 2) value = reader.message();
    else reader.skip();
  }
  if (value === undefined) throw new WireError("an entry of a map has no value");
  return { key, value };
}

function readStatementResult(reader: WireReader): StatementResult {
  const columns: HranaColumn[] = [];
  const rows: SqliteRow[] = [];
  let changes = 0;
  while (reader.next()) {
    if (reader.field === 1) columns.push(readColumn(reader.message()));
    else if (reader.field === 2) rows.push(readRow(reader.message(), columns.length));
    else if (reader.field === 3) changes = reader.uint();
    else reader.skip();
  }
  return { columns, rows, changes };
}

/** Columns are the second field of a description; the first are parameters. */
function readDescribed(reader: WireReader): HranaColumn[] {
  const columns: HranaColumn[] = [];
  while (reader.next()) {
    if (reader.field === 2) columns.push(readColumn(reader.message()));
    else reader.skip();
  }
  return columns;
}

function readColumn(reader: WireReader): HranaColumn {
  let name = "";
  let declaredType: string | null = null;
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) declaredType = reader.string();
    else reader.skip();
  }
  return { name, declaredType };
}

function readRow(reader: WireReader, width: number): SqliteRow {
  const row: SqliteValue[] = [];
  while (reader.next()) {
    if (reader.field === 1) row.push(readValue(reader.message()));
    else reader.skip();
  }
  if (row.length !== width) {
    throw new WireError(`a row has ${row.length} values, and there are ${width} columns`);
  }
  return row;
}

function readValue(reader: WireReader): SqliteValue {
  if (!reader.next()) throw new WireError("a value is missing");
  switch (reader.field) {
    case 1:
      return null;
    case 2:
      return reader.sint64();
    case 3:
      return reader.double();
    case 4:
      return reader.string();
    case 5:
      return reader.bytes();
    default:
      throw new WireError(`there is no kind of value ${reader.field}`);
  }
}

function readFault(reader: WireReader): HranaFault {
  let message = "";
  let code = "";
  while (reader.next()) {
    if (reader.field === 1) message = reader.string();
    else if (reader.field === 2) code = reader.string();
    else reader.skip();
  }
  return { message, code };
}

/** The first message of a cursor's answer. */
export function decodePlace(bytes: Uint8Array): StreamPlace {
  const { baton, baseUrl } = decodePipeline(bytes);
  return { baton, baseUrl };
}

export type CursorEntry =
  | { readonly type: "begin"; readonly columns: readonly HranaColumn[] }
  | { readonly type: "row"; readonly row: SqliteRow }
  | { readonly type: "end" }
  | { readonly type: "error"; readonly fault: HranaFault }
  | { readonly type: "other" };

/** A later message of a cursor's answer; `width` is how many columns its rows have. */
export function decodeEntry(bytes: Uint8Array, width: number): CursorEntry {
  const reader = new WireReader(bytes);
  if (!reader.next()) return { type: "other" };
  switch (reader.field) {
    case 1:
      return { type: "begin", columns: readDescribed(reader.message()) };
    case 2:
      return { type: "end" };
    case 3:
      return { type: "error", fault: readStepFault(reader.message()) };
    case 4:
      return { type: "row", row: readRow(reader.message(), width) };
    case 5:
      return { type: "error", fault: readFault(reader.message()) };
    default:
      return { type: "other" };
  }
}

function readStepFault(reader: WireReader): HranaFault {
  while (reader.next()) {
    if (reader.field === 2) return readFault(reader.message());
    reader.skip();
  }
  return { message: "the statement failed", code: "" };
}
