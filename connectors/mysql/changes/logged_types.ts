import { isUnsigned } from "../read/types.ts";
import { type ColumnFacts, labelsOf, resultColumn, typeNumbers, typeWord } from "./column_facts.ts";
import { BINLOG_TYPE, isNumeric, type PhysicalColumn, type TableMap } from "./log/table_map.ts";

const T = BINLOG_TYPE;
const BLOBS = [T.tinyBlob, T.mediumBlob, T.longBlob, T.blob];

/** What the log has of a column that is declared by the word. */
const LOGGED_AS: Readonly<Record<string, readonly number[]>> = {
  tinyint: [T.tiny],
  smallint: [T.short],
  mediumint: [T.int24],
  int: [T.long],
  bigint: [T.longlong],
  float: [T.float],
  double: [T.double],
  decimal: [T.decimal],
  bit: [T.bit],
  year: [T.year],
  date: [T.date, T.newdate],
  time: [T.time, T.time2],
  datetime: [T.datetime, T.datetime2],
  timestamp: [T.timestamp, T.timestamp2],
  char: [T.string],
  binary: [T.string],
  varchar: [T.varchar, T.varString],
  varbinary: [T.varchar, T.varString],
  enum: [T.enum],
  set: [T.set],
  uuid: [T.string],
  inet4: [T.string],
  inet6: [T.string],
  vector: [T.vector, T.varchar],
  ...Object.fromEntries(
    ["tinytext", "text", "mediumtext", "longtext", "tinyblob", "blob", "mediumblob", "longblob"].map((word) =>
      [word, BLOBS] as const
    ),
  ),
  ...Object.fromEntries(
    [
      "geometry",
      "point",
      "linestring",
      "polygon",
      "multipoint",
      "multilinestring",
      "multipolygon",
      "geometrycollection",
      "geomcollection",
    ].map((word) => [word, [T.geometry]] as const),
  ),
};

const COMPRESSED = /\bCOMPRESSED\b/i;

/** Why the log's values of a column cannot be read exactly; undefined where they can. */
export function whyUnreadable(column: ColumnFacts): string | undefined {
  const word = typeWord(column);
  if (COMPRESSED.test(column.declared.replace(/'[^]*'/, ""))) {
    return "which the log has in its compressed form";
  }
  if (word === "json") return "which the log has in MySQL's own binary form";
  if (word === "uuid" && column.declared !== "uuid") {
    return "a UUID of an older MariaDB; ALTER TABLE … FORCE renews it";
  }
  return LOGGED_AS[word] === undefined ? `whose type ${column.declared} is not known here` : undefined;
}

/** Whether the log's map of a table fits what is known of its columns. */
export function fits(map: TableMap, columns: readonly ColumnFacts[]): boolean {
  if (map.columns.length !== columns.length) return false;
  if (map.names !== undefined && map.names.some((name, i) => name !== columns[i]?.name)) return false;
  let numeric = 0;
  return map.columns.every((physical, i) => {
    const column = columns[i];
    if (column === undefined || !fitsColumn(physical, column)) return false;
    if (!isNumeric(physical)) return true;
    const said = map.unsigned?.[numeric];
    numeric += 1;
    return said === undefined || physical.type === T.year || said === isUnsigned(resultColumn(column));
  });
}

const BLOB_LENGTHS: Readonly<Record<string, number>> = {
  tinytext: 1,
  tinyblob: 1,
  text: 2,
  blob: 2,
  mediumtext: 3,
  mediumblob: 3,
  longtext: 4,
  longblob: 4,
};

function fitsColumn({ type, meta }: PhysicalColumn, column: ColumnFacts): boolean {
  const word = typeWord(column);
  const [first = 0, second = 0] = typeNumbers(column);
  const types = LOGGED_AS[word];
  // A column that is left out may have a type that is not known here.
  if (types === undefined) return true;
  if (!types.includes(type)) return COMPRESSED.test(column.declared);
  switch (type) {
    case T.decimal:
      return meta === (first << 8 | second);
    case T.time2:
    case T.datetime2:
    case T.timestamp2:
      return meta === first;
    case T.enum:
      return meta === (labelsOf(column).length > 0xff ? 2 : 1);
    case T.set: {
      const bytes = (labelsOf(column).length + 7) >> 3;
      return meta === (bytes > 4 ? 8 : bytes);
    }
    case T.bit:
      return (meta >> 8) * 8 + (meta & 0xff) === first;
    case T.blob:
      return meta === BLOB_LENGTHS[word];
    default:
      return true;
  }
}

/** Forms of times that only a server before MySQL 5.6 or MariaDB 10.1 made, and that do not tell their precision. */
export function hasOldTime(physical: readonly PhysicalColumn[], columns: readonly ColumnFacts[]): boolean {
  return physical.some(({ type }, i) => {
    const column = columns[i];
    const isOld = type === T.time || type === T.datetime || type === T.timestamp;
    return isOld && column !== undefined && (typeNumbers(column)[0] ?? 0) > 0;
  });
}
