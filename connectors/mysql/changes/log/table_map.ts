import { ConnectionLostError } from "../../../network/failures.ts";
import { WIRE_TYPE } from "../../read/types.ts";
import { PayloadReader } from "../../session/payload.ts";
import { decimalBytes } from "../values/number_text.ts";
import { type LogEvent, type LogFormat } from "./log_event.ts";

/** What the log says of a table before its rows. Source: table_map_event in MariaDB's and MySQL's manuals. */
export interface TableMap {
  readonly id: number;
  readonly database: string;
  readonly table: string;
  readonly columns: readonly PhysicalColumn[];
  /** Where the server logs them (binlog_row_metadata = FULL). */
  readonly names: readonly string[] | undefined;
  /** Whether each numeric column is unsigned, in their order; where the server logs it. */
  readonly unsigned: readonly boolean[] | undefined;
}

/** How a column's values stand in the log. */
export interface PhysicalColumn {
  /** A number of BINLOG_TYPE. */
  readonly type: number;
  /** What the type needs beside: a length, digits, a precision. */
  readonly meta: number;
}

/** Numbers of the types as the log has them: those of the wire, and those of how tables keep their values. */
export const BINLOG_TYPE = {
  ...WIRE_TYPE,
  timestamp2: 17,
  datetime2: 18,
  time2: 19,
  blobCompressed: 140,
  varcharCompressed: 141,
  vector: 242,
  set: 248,
  tinyBlob: 249,
  mediumBlob: 250,
  longBlob: 251,
  blob: 252,
  varString: 253,
} as const;

const META_BYTES: Readonly<Record<number, number>> = {
  [BINLOG_TYPE.float]: 1,
  [BINLOG_TYPE.double]: 1,
  [BINLOG_TYPE.varchar]: 2,
  [BINLOG_TYPE.bit]: 2,
  [BINLOG_TYPE.timestamp2]: 1,
  [BINLOG_TYPE.datetime2]: 1,
  [BINLOG_TYPE.time2]: 1,
  [BINLOG_TYPE.blobCompressed]: 1,
  [BINLOG_TYPE.varcharCompressed]: 2,
  [BINLOG_TYPE.vector]: 1,
  [BINLOG_TYPE.json]: 1,
  [BINLOG_TYPE.decimal]: 2,
  [BINLOG_TYPE.enum]: 2,
  [BINLOG_TYPE.set]: 2,
  [BINLOG_TYPE.tinyBlob]: 1,
  [BINLOG_TYPE.mediumBlob]: 1,
  [BINLOG_TYPE.longBlob]: 1,
  [BINLOG_TYPE.blob]: 1,
  [BINLOG_TYPE.varString]: 2,
  [BINLOG_TYPE.string]: 2,
  [BINLOG_TYPE.geometry]: 1,
};

const NUMERIC: ReadonlySet<number> = new Set([
  BINLOG_TYPE.tiny,
  BINLOG_TYPE.short,
  BINLOG_TYPE.int24,
  BINLOG_TYPE.long,
  BINLOG_TYPE.longlong,
  BINLOG_TYPE.float,
  BINLOG_TYPE.double,
  BINLOG_TYPE.decimal,
  // Of MySQL, as an unsigned number.
  BINLOG_TYPE.year,
]);

export const isNumeric = ({ type }: PhysicalColumn): boolean => NUMERIC.has(type);

const SIGNEDNESS = 1;
const COLUMN_NAMES = 4;
const TABLE_ID_BYTES = 6;

export function readTableMap({ body }: LogEvent): TableMap {
  const reader = new PayloadReader(body);
  const id = reader.uint(TABLE_ID_BYTES);
  reader.uint(2); // flags
  const decoder = new TextDecoder();
  const name = () => {
    const text = decoder.decode(reader.bytes(reader.uint(1)));
    reader.uint(1);
    return text;
  };
  const database = name();
  const table = name();
  const types = reader.bytes(reader.length());
  const columns = readMetadata(types, new PayloadReader(reader.bytes(reader.length())));
  reader.bytes((types.length + 7) >> 3); // which may be NULL
  return { id, database, table, columns, ...readOptional(reader, columns) };
}

function readMetadata(types: Uint8Array, reader: PayloadReader): PhysicalColumn[] {
  return [...types].map((type) => {
    switch (META_BYTES[type]) {
      case 2: {
        const [first, second] = [reader.uint(1), reader.uint(1)];
        // Of a text and a decimal the first byte says more than the second.
        const isBigEndian = type === BINLOG_TYPE.string || type === BINLOG_TYPE.decimal ||
          type === BINLOG_TYPE.enum || type === BINLOG_TYPE.set;
        return isBigEndian ? realType(type, first, second) : { type, meta: first | second << 8 };
      }
      case 1:
        return { type, meta: reader.uint(1) };
      default:
        return { type, meta: 0 };
    }
  });
}

/** ENUM and SET come as texts; a text's length takes two bits of where its type stands. */
function realType(type: number, first: number, second: number): PhysicalColumn {
  if (type !== BINLOG_TYPE.string) return { type, meta: first << 8 | second };
  if (first === BINLOG_TYPE.enum || first === BINLOG_TYPE.set) return { type: first, meta: second };
  return { type, meta: second | ((first & 0x30) ^ 0x30) << 4 };
}

function readOptional(
  reader: PayloadReader,
  columns: readonly PhysicalColumn[],
): Pick<TableMap, "names" | "unsigned"> {
  let names: string[] | undefined;
  let unsigned: boolean[] | undefined;
  while (reader.left > 0) {
    const kind = reader.uint(1);
    const value = reader.bytes(reader.length());
    if (kind === SIGNEDNESS) {
      const count = columns.filter(isNumeric).length;
      unsigned = Array.from({ length: count }, (_, i) => ((value[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0);
    } else if (kind === COLUMN_NAMES) {
      const texts = new PayloadReader(value);
      names = [];
      while (texts.left > 0) names.push(texts.text());
    }
  }
  return { names, unsigned };
}

/** A row's values by the table's columns, as they stand in the log; undefined where the log leaves one out. */
export type RowImage = readonly (Uint8Array | null | undefined)[];

export interface RowsEvent {
  /** The number of the table's map. */
  readonly tableId: number;
  readonly isEmpty: boolean;
  /** `rows` of a table that is known by then: the row before and the row after of each change. */
  rows(columns: readonly PhysicalColumn[]): Generator<ChangedRow, void, undefined>;
}

export interface ChangedRow {
  readonly before: RowImage | undefined;
  readonly after: RowImage | undefined;
}

export interface RowsKind {
  readonly operation: "write" | "update" | "delete";
  /** Of version 2 there may be more behind the flags. */
  readonly hasExtra: boolean;
  readonly inflate: ((bytes: Uint8Array) => Uint8Array) | undefined;
}

export function readRows(
  { body, type }: LogEvent,
  kind: RowsKind,
  { postHeaderLengths }: LogFormat,
): RowsEvent {
  const reader = new PayloadReader(body);
  const tableId = reader.uint(postHeaderLengths[type - 1] === 6 ? 4 : TABLE_ID_BYTES);
  reader.uint(2); // flags
  if (kind.hasExtra) reader.bytes(reader.uint(2) - 2);
  const width = reader.length();
  const bitmapBytes = (width + 7) >> 3;
  const isThere = reader.bytes(bitmapBytes);
  const isThereAfter = kind.operation === "update" ? reader.bytes(bitmapBytes) : isThere;
  const data = kind.inflate === undefined ? reader.rest() : kind.inflate(reader.rest());
  return {
    tableId,
    isEmpty: data.length === 0,
    *rows(columns) {
      if (columns.length !== width) throw wrongRow();
      const rows = new PayloadReader(data);
      while (rows.left > 0) {
        const first = readImage(rows, columns, isThere);
        if (kind.operation === "update") {
          yield { before: first, after: readImage(rows, columns, isThereAfter) };
        } else if (kind.operation === "write") yield { before: undefined, after: first };
        else yield { before: first, after: undefined };
      }
    },
  };
}

function readImage(reader: PayloadReader, columns: readonly PhysicalColumn[], isThere: Uint8Array): RowImage {
  const count = columns.reduce((sum, _, i) => sum + (hasBit(isThere, i) ? 1 : 0), 0);
  const isNull = reader.bytes((count + 7) >> 3);
  let at = 0;
  return columns.map((column, i) => {
    if (!hasBit(isThere, i)) return undefined;
    const value = hasBit(isNull, at) ? null : readValue(reader, column);
    at += 1;
    return value;
  });
}

const hasBit = (bits: Uint8Array, place: number): boolean =>
  ((bits[place >> 3] ?? 0) & (1 << (place & 7))) !== 0;

/** Bytes of the parts of a second that a precision needs. */
export const fractionBytes = (precision: number): number => (precision + 1) >> 1;

function readValue(reader: PayloadReader, { type, meta }: PhysicalColumn): Uint8Array {
  switch (type) {
    case BINLOG_TYPE.tiny:
    case BINLOG_TYPE.year:
      return reader.bytes(1);
    case BINLOG_TYPE.short:
      return reader.bytes(2);
    case BINLOG_TYPE.int24:
    case BINLOG_TYPE.date:
    case BINLOG_TYPE.newdate:
    case BINLOG_TYPE.time:
      return reader.bytes(3);
    case BINLOG_TYPE.long:
    case BINLOG_TYPE.float:
    case BINLOG_TYPE.timestamp:
      return reader.bytes(4);
    case BINLOG_TYPE.longlong:
    case BINLOG_TYPE.double:
    case BINLOG_TYPE.datetime:
      return reader.bytes(8);
    case BINLOG_TYPE.timestamp2:
      return reader.bytes(4 + fractionBytes(meta));
    case BINLOG_TYPE.datetime2:
      return reader.bytes(5 + fractionBytes(meta));
    case BINLOG_TYPE.time2:
      return reader.bytes(3 + fractionBytes(meta));
    case BINLOG_TYPE.decimal:
      return reader.bytes(decimalBytes((meta >> 8) - (meta & 0xff)) + decimalBytes(meta & 0xff));
    case BINLOG_TYPE.bit:
      return reader.bytes((meta >> 8) + ((meta & 0xff) > 0 ? 1 : 0));
    case BINLOG_TYPE.enum:
    case BINLOG_TYPE.set:
      return reader.bytes(meta);
    case BINLOG_TYPE.varchar:
    case BINLOG_TYPE.varString:
    case BINLOG_TYPE.varcharCompressed:
    case BINLOG_TYPE.string:
      return reader.bytes(reader.uint(meta > 0xff ? 2 : 1));
    case BINLOG_TYPE.tinyBlob:
    case BINLOG_TYPE.mediumBlob:
    case BINLOG_TYPE.longBlob:
    case BINLOG_TYPE.blob:
    case BINLOG_TYPE.blobCompressed:
    case BINLOG_TYPE.geometry:
    case BINLOG_TYPE.json:
    case BINLOG_TYPE.vector:
      return reader.bytes(reader.uint(meta));
    default:
      throw new ConnectionLostError(`the server's log has a column of the unknown type ${type}`);
  }
}

const wrongRow = () => new ConnectionLostError("the server's log has a row of other columns than its table");
