import { DataType, type Field } from "apache-arrow";

import type { ServerKind } from "../session/connection_options.ts";
import { sourceKind } from "./encode/source_values.ts";

/**
 * The type that holds an Arrow type whole: what new columns get.
 *
 * | Arrow | MySQL, MariaDB |
 * | --- | --- |
 * | Bool | tinyint(1) |
 * | Int8 … Int64, Uint8 … Uint64 | tinyint, smallint, int, bigint, each with unsigned |
 * | 128-bit integers | decimal(39,0) |
 * | Float32, Float64 | float, double |
 * | Decimal(p,s) | decimal(p,s); longtext where the server keeps fewer digits behind the point |
 * | Utf8, Dictionary, Interval, Duration | longtext, compared byte by byte |
 * | Utf8 `arrow.json`, List, Struct, Map | json |
 * | Binary, FixedSizeBinary | longblob |
 * | `arrow.uuid` | uuid; char(36) where the server has no such type |
 * | Date, Time | date, time(6) |
 * | Timestamp, with and without a zone | datetime(6), with a zone in UTC |
 *
 * In a key, texts are varchar and binaries varbinary, as long as the server's keys can be.
 */
export function typeOf(field: Field, server: ServerKind): string {
  const { type } = field;
  const kind = sourceKind(field);
  switch (kind) {
    case "bool":
      return "tinyint(1)";
    case "integer":
      return DataType.isInt(type) ? integerType(type.bitWidth, type.isSigned) : "decimal(39,0)";
    case "float4":
      return "float";
    case "float8":
      return "double";
    case "decimal":
      return decimalType(field, server);
    case "json":
      return "json";
    case "bytes":
      return "longblob";
    case "uuid":
      return hasUuid(server) ? "uuid" : `char(36) ${ASCII}`;
    case "date":
      return "date";
    case "time":
      return "time(6)";
    case "timestamp":
    case "timestamptz":
      return "datetime(6)";
    default:
      return `longtext ${textOptions(server)}`;
  }
}

const INTEGERS: Readonly<Record<number, string>> = { 8: "tinyint", 16: "smallint", 32: "int", 64: "bigint" };
const ASCII = "CHARACTER SET ascii COLLATE ascii_bin";
/** Digits behind the point. */
const MAX_SCALE = { mariadb: 38, mysql: 30 } as const;

function integerType(bits: number, isSigned: boolean): string {
  return `${INTEGERS[bits] ?? "bigint"}${isSigned ? "" : " unsigned"}`;
}

function decimalType({ type }: Field, server: ServerKind): string {
  if (!DataType.isDecimal(type)) return "decimal(39,0)";
  const isHeld = type.scale <= (server.isMariadb ? MAX_SCALE.mariadb : MAX_SCALE.mysql) && type.scale >= 0;
  return isHeld ? `decimal(${type.precision},${type.scale})` : `longtext ${textOptions(server)}`;
}

const isSince = ({ version }: ServerKind, major: number, minor: number, patch = 0): boolean => {
  const [a, b, c] = version;
  return a !== major ? a > major : b !== minor ? b > minor : c >= patch;
};

const hasUuid = (server: ServerKind): boolean => server.isMariadb && isSince(server, 10, 7);

/** Texts that differ in case, accents or blanks at the end are different ones. */
export function textOptions(server: ServerKind): string {
  const collation = server.isMariadb
    ? "utf8mb4_nopad_bin"
    : isSince(server, 8, 0, 17)
    ? "utf8mb4_0900_bin"
    : "utf8mb4_bin";
  return `CHARACTER SET utf8mb4 COLLATE ${collation}`;
}

/** What the server keeps of a column of JSON in its definition, where it is another type's name. */
export const jsonAlias = (server: ServerKind): string | undefined =>
  server.isMariadb ? "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" : undefined;

/** Bytes that the values of one key may have together. */
const MAX_KEY_BYTES = 3_072;
/** The most that a column of another kind takes of them. */
const OTHER_COLUMN_BYTES = 40;
const MAX_CHARACTER_BYTES = 4;

/** The types of the columns of a new key, in their order. */
export function keyTypes(fields: readonly Field[], server: ServerKind): string[] {
  const own = fields.map((field) => typeOf(field, server));
  const isLong = (type: string) => /^(long|json)/.test(type);
  const long = own.filter(isLong).length;
  const bytes = Math.floor((MAX_KEY_BYTES - (own.length - long) * OTHER_COLUMN_BYTES) / Math.max(long, 1));
  return own.map((type) =>
    !isLong(type)
      ? type
      : type === "longblob"
      ? `varbinary(${bytes})`
      : `varchar(${Math.floor(bytes / MAX_CHARACTER_BYTES)}) ${textOptions(server)}`
  );
}

/** Whether the column is what the field gets in a key. */
export function isKeyTypeOf(field: Field, sql: string, server: ServerKind): boolean {
  const own = typeOf(field, server);
  if (own === "longblob") return /^varbinary\(\d+\)$/.test(sql);
  return /^(long|json)/.test(own) && sql.replace(/\(\d+\)/, "") === `varchar ${textOptions(server)}`;
}
