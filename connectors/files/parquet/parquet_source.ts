import type { Scan } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { isSameName, nameKey, quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import type { StoredFile } from "../../locations/location.ts";
import { escapeGlob, type FileSet } from "../file_set.ts";
import { hiveColumns } from "../read/hive.ts";
import type { PartialScan } from "../read/parts.ts";
import { type PathColumn, pathColumns } from "../read/path_columns.ts";
import { PLAIN_FORMAT } from "../../text_cast/value_format.ts";
import { explainParquet } from "./parquet_explain.ts";
import { type LeafType, type ParquetLeaf, type ParquetSchema, readParquetSchema } from "./parquet_schema.ts";
import { exactValue, PATH, refusedValue, ROW } from "./parquet_value.ts";

/**
 * The rows of Parquet files. DuckDB's reader gives the values; where it would change one, as by a type of the
 * user's, or where the files' types differ, an expression looks at it. Throws `invalid` for what is no
 * Parquet, and for files whose columns do not go together.
 */
export async function scanParquet(
  set: FileSet,
  signal: AbortSignal,
): Promise<Pick<Scan, "relation" | "explain"> & PartialScan> {
  const files: ParquetFile[] = [];
  for (const file of set.files) {
    signal.throwIfAborted();
    const schema = await readParquetSchema(file);
    checkNames(file, schema);
    files.push({ file, schema });
  }
  if (!set.options.union_by_name) checkSame(files);
  const own = ownColumns(files);
  checkGiven(set, [...own.values()]);
  const extra = pathColumns(set, [...own.values()], PLAIN_FORMAT);
  const mixed = mixedColumns(files);
  const relationOf = (some: readonly ParquetFile[]) => {
    const groups = Map.groupBy(some, ({ schema }) => signature(schema, mixed));
    const selects = [...groups.values()].map((group) => selectGroup(set, group, mixed, extra));
    return `(${selects.join(" UNION ALL BY NAME ")})`;
  };
  return {
    relation: relationOf(files),
    only: (paths) => relationOf(files.filter(({ file }) => paths.has(file.path))),
    explain: (error) => Promise.resolve(explainParquet(set, error)),
  };
}

interface ParquetFile {
  readonly file: StoredFile;
  readonly schema: ParquetSchema;
}

/** A key of a path: names of columns are one whatever their letters' case. */
const keyOf = ({ path }: ParquetLeaf) => path.map(nameKey).join("\0");
const topOf = ({ path: [top = ""] }: ParquetLeaf) => nameKey(top);

function checkNames({ shown }: StoredFile, { columns }: ParquetSchema): void {
  const seen = new Map<string, string>();
  for (const name of columns) {
    const same = seen.get(nameKey(name));
    if (same !== undefined) {
      throw new AppError(
        "invalid",
        `Cannot read "${shown}": the column "${name}" is there twice, the other time as "${same}"; rename one of them`,
      );
    }
    seen.set(nameKey(name), name);
  }
}

/** Throws `invalid` for files with other columns or types than the first. */
function checkSame([first, ...others]: readonly ParquetFile[]): void {
  const shape = ({ schema }: ParquetFile) =>
    schema.leaves.map((leaf) => `${keyOf(leaf)} ${leaf.type}`).sort().join("\n");
  const other = others.find((file) => first !== undefined && shape(file) !== shape(first));
  if (other === undefined) return;
  throw new AppError(
    "invalid",
    `Cannot read files with different columns: "${other.file.shown}" has not those of "${first?.file.shown}"; ` +
      "set options.union_by_name: true",
  );
}

/** By their keys, as the first file that has them writes them. */
function ownColumns(files: readonly ParquetFile[]): Map<string, string> {
  const own = new Map<string, string>();
  for (const { schema } of files) {
    for (const name of schema.columns) if (!own.has(nameKey(name))) own.set(nameKey(name), name);
  }
  return own;
}

function checkGiven(set: FileSet, own: readonly string[]): void {
  const known = [...own, ...hiveColumns(set).map(({ name }) => name)];
  const missing = Object.keys(set.options.columns).find((name) => !known.some((of) => isSameName(of, name)));
  if (missing === undefined) return;
  throw new AppError(
    "invalid",
    `Cannot use options.columns: there is no column "${missing}"; the columns are ${known.join(", ")}`,
  );
}

const INTEGERS: readonly LeafType[] = ["INTEGER", "UINTEGER", "BIGINT", "UBIGINT"];
const FLOATS: readonly LeafType[] = ["FLOAT", "DOUBLE"];

/**
 * The columns that are DOUBLE in all files together, by their keys: some files have them as integers or
 * decimals, which DuckDB would round. Throws `invalid` for types that have nothing in common.
 */
function mixedColumns(files: readonly ParquetFile[]): ReadonlySet<string> {
  const seen = new Map<string, { readonly leaf: ParquetLeaf; readonly file: StoredFile }[]>();
  for (const { file, schema } of files) {
    for (const leaf of schema.leaves) {
      const of = seen.get(keyOf(leaf)) ?? [];
      seen.set(keyOf(leaf), of);
      if (!of.some((other) => other.leaf.type === leaf.type)) of.push({ leaf, file });
    }
  }
  const mixed = new Set<string>();
  for (const of of seen.values()) {
    const has = (...types: readonly LeafType[]) => of.some(({ leaf }) => types.includes(leaf.type));
    const isDecimal = of.some(({ leaf }) => leaf.type.startsWith("DECIMAL"));
    const isNumber = has(...INTEGERS) || has(...FLOATS) || isDecimal;
    const isRounded = has(...FLOATS) && (has(...INTEGERS) || isDecimal);
    const isTruth = has("BOOLEAN") && isNumber;
    const isZoned = has("TIMESTAMPTZ", "instant of nanoseconds") && has("TIMESTAMP", "TIMESTAMP_NS", "DATE");
    const isNested = of.some(({ leaf }) => leaf.path.length > 1);
    const [one, other] = of;
    if (isTruth || isZoned || (isRounded && isNested)) {
      throw new AppError(
        "invalid",
        `Cannot read files as one stream whose column "${
          one?.leaf.path.join(".")
        }" is of types without one in ` +
          `common: ${one?.leaf.type} in "${one?.file.shown}", ${other?.leaf.type} in "${other?.file.shown}"; ` +
          "make two streams of them",
      );
    }
    if (isRounded && one !== undefined) mixed.add(keyOf(one.leaf));
  }
  return mixed;
}

/** Files with the same types of the mixed columns are read together. */
function signature({ leaves }: ParquetSchema, mixed: ReadonlySet<string>): string {
  return JSON.stringify(
    leaves.filter((leaf) => mixed.has(keyOf(leaf))).map((leaf) => [keyOf(leaf), leaf.type]),
  );
}

function selectGroup(
  set: FileSet,
  group: readonly ParquetFile[],
  mixed: ReadonlySet<string>,
  extra: readonly PathColumn[],
): string {
  const looks = lookedAt(set, group, mixed);
  const hasRow = looks.length > 0 &&
    !group.some(({ schema }) => schema.columns.some((c) => isSameName(c, ROW)));
  const hasPath = looks.length > 0 || extra.length > 0;
  const reader = `read_parquet(${
    [
      `[${group.map(({ file }) => quoteLiteral(escapeGlob(file.localPath))).join(", ")}]`,
      "union_by_name = true",
      "hive_partitioning = false",
      ...(hasPath ? [`filename = ${quoteLiteral(PATH)}`] : []),
      ...(hasRow ? ["file_row_number = true"] : []),
    ].join(", ")
  })`;
  const texts = extra.map(({ text }, index) => `, ${text(PATH)} AS ${PATH}_${index}`).join("");
  const hidden = [
    ...(hasPath ? [PATH] : []),
    ...(hasRow ? [ROW] : []),
    ...extra.map((_, index) => `${PATH}_${index}`),
  ];
  const replaced = looks.map(({ name, value }) => `${value(hasRow)} AS ${quoteIdentifier(name)}`);
  return [
    "SELECT *",
    ...(hidden.length === 0 ? [] : [`EXCLUDE (${hidden.join(", ")})`]),
    ...(replaced.length === 0 ? [] : [`REPLACE (${replaced.join(", ")})`]),
    ...extra.map(({ name, value }, index) => `, ${value(`${PATH}_${index}`)} AS ${quoteIdentifier(name)}`),
    `FROM ${texts === "" ? reader : `(SELECT *${texts} FROM ${reader})`}`,
  ].join(" ");
}

interface Look {
  readonly name: string;
  value(hasRow: boolean): string;
}

/** The columns whose values must be looked at, with the SQL of each. */
function lookedAt(set: FileSet, group: readonly ParquetFile[], mixed: ReadonlySet<string>): Look[] {
  const isOfSpark = group.every(({ schema }) => schema.isOfSpark);
  const leaves = Map.groupBy(group.flatMap(({ schema }) => schema.leaves), topOf);
  return [...ownColumns(group)].flatMap(([key, name]): Look[] => {
    const types = new Set((leaves.get(key) ?? []).map(({ type }) => type));
    const isNested = (leaves.get(key) ?? []).some(({ path }) => path.length > 1);
    const given = Object.entries(set.options.columns).find(([column]) => isSameName(column, name))?.[1];
    const refused = refusal(types, given, isOfSpark);
    if (refused !== undefined) return [{ name, value: (hasRow) => refusedValue(name, refused, hasRow) }];
    const [type = "other", second] = types;
    const from = isNested || second !== undefined ? "other" : type;
    const to = given ?? (mixed.has(key) && type !== "DOUBLE" ? "DOUBLE" : undefined);
    if (to === undefined) return [];
    return [{ name, value: (hasRow) => exactValue(name, from, to, given !== undefined, hasRow) }];
  });
}

/** Why DuckDB cannot read the column exactly. */
function refusal(
  types: ReadonlySet<LeafType>,
  given: string | undefined,
  isOfSpark: boolean,
): string | undefined {
  if (types.has("wide decimal")) {
    return "is a decimal of more than 38 digits, which DuckDB cannot hold; write it as text";
  }
  const isMicro = given !== undefined && /^(?:TIME|TIMESTAMP|DATETIME)$/i.test(given.trim());
  const isMicroInstant = given !== undefined &&
    /^(?:TIMESTAMPTZ|TIMESTAMP WITH TIME ZONE)$/i.test(given.trim());
  if (types.has("INT96") && !isOfSpark && !isMicro) {
    return "is INT96, whose nanoseconds DuckDB would cut; write TIMESTAMP, or set options.columns to TIMESTAMP for its microseconds";
  }
  if (types.has("instant of nanoseconds") && !isMicroInstant) {
    return "is a timestamp of nanoseconds with a zone, which DuckDB would cut; set options.columns to TIMESTAMPTZ for its microseconds, or write it with microseconds";
  }
  if (types.has("time of nanoseconds") && !isMicro) {
    return "is a time of nanoseconds, which DuckDB would cut; set options.columns to TIME for its microseconds";
  }
  return undefined;
}
