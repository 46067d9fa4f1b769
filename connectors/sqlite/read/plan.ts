import { Schema } from "apache-arrow";
import type { StreamRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { chooseColumns } from "../../column_choice.ts";
import type { SqliteReader } from "../database.ts";
import type { SqliteStream } from "../options.ts";
import { type ColumnType, fieldOf, typeOfClasses, typeOfDeclared } from "./column_type.ts";
import { type TextEncoding, textEncodingOf } from "./text_bytes.ts";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** The type comes from the user's options. */
  readonly isGiven: boolean;
}

/** What is read of a stream, and how. */
export interface Plan {
  /** `"orders"` or `(SELECT …)`. */
  readonly relation: string;
  /** For messages: `table "orders"`. */
  readonly shown: string;
  readonly columns: readonly Column[];
  readonly schema: Schema;
  readonly primaryKey: readonly string[];
  /** The name by which the table's rowid is reached; undefined where there is none. */
  readonly rowid: string | undefined;
  readonly encoding: TextEncoding;
}

interface Relation {
  readonly relation: string;
  readonly shown: string;
  /** Undefined for a query. */
  readonly table?: string;
}

/** The stream's columns. Throws `not_found` for a table that is not there, `invalid` for mixed values. */
export async function planStream(
  database: SqliteReader,
  { address, columns: choice }: Pick<StreamRequest<SqliteStream>, "address" | "columns">,
): Promise<Plan> {
  const { relation, shown, table } = await relationOf(database, address);
  const results = await database.columns(`SELECT * FROM ${relation}`);
  const given = new Map(
    Object.entries(address.options.columns).map(([name, type]) => [name.toLowerCase(), { name, type }]),
  );
  const declared = results.map(({ name, declaredType }) => {
    const own = given.get(name.toLowerCase());
    given.delete(name.toLowerCase());
    const type = typeOfDeclared(own?.type ?? declaredType);
    if (own !== undefined && type === undefined) {
      throw new AppError(
        "invalid",
        `Cannot read ${shown}: options.columns: "${own.type}" is no type known here`,
      );
    }
    return { name, isGiven: own !== undefined, type };
  });
  const known = results.map(({ name }) => name);
  const [unused] = given.values();
  if (unused !== undefined) throw noColumn(shown, "options.columns", unused.name, known);
  const chosen = chooseColumns(declared, choice, (name) => noColumn(shown, "columns", name, known));
  const columns = await withFoundTypes(database, { relation, shown }, chosen);
  return {
    relation,
    shown,
    columns,
    schema: new Schema(columns.map(({ name, type }) => fieldOf(name, type))),
    primaryKey: table === undefined ? [] : await primaryKeyOf(database, table),
    rowid: table === undefined ? undefined : await rowidOf(database, table, known),
    encoding: textEncodingOf(String((await database.all("PRAGMA encoding"))[0]?.[0])),
  };
}

function noColumn(shown: string, key: string, name: string, known: readonly string[]): AppError {
  return new AppError(
    "invalid",
    `Cannot read ${shown}: ${key}: there is no column "${name}"; the columns are ${known.join(", ")}`,
  );
}

async function relationOf(database: SqliteReader, stream: SqliteStream): Promise<Relation> {
  if (stream.query !== undefined) {
    // A line break, in case the query ends in a comment.
    return { relation: `(${stream.query.replace(/;\s*$/, "")}\n)`, shown: "the query" };
  }
  const found = await database.all(
    "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' " +
      "ORDER BY name",
  );
  const tables = found.map(([name, type]) => ({ name: String(name), type: String(type) }));
  const { stream: asked = "" } = stream;
  const wanted = [asked, asked.replace(/^main\./i, "")];
  const chosen = tables.find(({ name }) => wanted.includes(name)) ??
    tables.find(({ name }) => wanted.some((other) => other.toLowerCase() === name.toLowerCase()));
  if (chosen === undefined) {
    const known = tables.map(({ name }) => name).filter((name) => !name.startsWith("_sluice")).slice(0, 20)
      .join(", ");
    throw new AppError(
      "not_found",
      `Cannot read table "${asked}": it does not exist; ${
        known === "" ? "there are no tables" : `there are ${known}`
      }`,
    );
  }
  return {
    relation: quoteIdentifier(chosen.name),
    shown: `${chosen.type} "${chosen.name}"`,
    table: chosen.name,
  };
}

/**
 * The columns, with the type of those that have none declared found from their values. All of them are
 * looked at, whatever the cursor: the type must not depend on which rows are new.
 */
async function withFoundTypes(
  database: SqliteReader,
  { relation, shown }: Relation,
  columns: readonly (Omit<Column, "type"> & { readonly type: ColumnType | undefined })[],
): Promise<Column[]> {
  const unknown = columns.filter(({ type }) => type === undefined);
  const expressions = unknown.map(({ name }) => `group_concat(DISTINCT typeof(${quoteIdentifier(name)}))`);
  const [found = []] = unknown.length === 0
    ? []
    : await database.all(`SELECT ${expressions.join(", ")} FROM ${relation}`, `read ${shown}`);
  return columns.map(({ name, isGiven, type }) => {
    if (type !== undefined) return { name, isGiven, type };
    const at = unknown.findIndex((column) => column.name === name);
    const classes = String(found[at] ?? "").split(",").filter((storage) => storage !== "");
    const valueType = typeOfClasses(new Set(classes));
    if (valueType !== undefined) return { name, isGiven, type: valueType };
    throw new AppError(
      "invalid",
      `Cannot read ${shown}: column "${name}" has no declared type and holds ${
        classes.sort().join(" and ")
      } values; set options.columns: {${name}: TEXT}, or read it with a query that casts it`,
    );
  });
}

async function primaryKeyOf(database: SqliteReader, table: string): Promise<string[]> {
  const key = await database.all(
    `SELECT name FROM pragma_table_info(${quoteLiteral(table)}) WHERE pk > 0 ORDER BY pk`,
  );
  return key.map(([name]) => String(name));
}

/** Only of ordinary tables: what a view or a virtual table has under this name need not be an order. */
async function rowidOf(
  database: SqliteReader,
  table: string,
  columns: readonly string[],
): Promise<string | undefined> {
  const [found] = await database.all(
    `SELECT 1 FROM pragma_table_list(${
      quoteLiteral(table)
    }) WHERE schema = 'main' AND type = 'table' AND NOT wr`,
  );
  const taken = new Set(columns.map((name) => name.toLowerCase()));
  return found === undefined ? undefined : ["rowid", "_rowid_", "oid"].find((name) => !taken.has(name));
}

/** What is selected for the columns, as their builders take it. */
export interface Selected {
  readonly expressions: readonly string[];
  /** For SqliteReader.slices(). */
  readonly texts: readonly number[];
}

export function selectOf(
  database: Pick<SqliteReader, "bytesOf" | "keepsTexts">,
  { encoding }: Pick<Plan, "encoding">,
  columns: readonly Column[],
): Selected {
  const areTextsKept = database.keepsTexts && encoding === "utf-8";
  const isKept = ({ type: { kind } }: Column) => areTextsKept && (kind === "text" || kind === "json");
  return {
    expressions: columns.map((column) =>
      isKept(column) ? keptText(column) : valueExpression(database, column)
    ),
    texts: columns.flatMap((column, index) => isKept(column) ? [index] : []),
  };
}

/** Whether the column holds as texts what is no text. */
const takesNumbers = ({ isGiven, type }: Column): boolean => isGiven || type.kind === "json";

function keptText(column: Column): string {
  const name = quoteIdentifier(column.name);
  if (!takesNumbers(column)) return name;
  return `CASE WHEN typeof(${name}) IN ('integer', 'real') THEN CAST(${name} AS TEXT) ELSE ${name} END`;
}

function valueExpression({ bytesOf }: Pick<SqliteReader, "bytesOf">, column: Column): string {
  const { type, isGiven } = column;
  const name = quoteIdentifier(column.name);
  // A number in place of a value of another class makes the builder refuse it.
  switch (type.kind) {
    case "blob":
      return isGiven
        ? bytesOf(`CAST(${name} AS BLOB)`)
        : `CASE typeof(${name}) WHEN 'blob' THEN ${bytesOf(name)} WHEN 'null' THEN NULL ELSE 0 END`;
    case "text":
    case "json": {
      const isText = takesNumbers(column) ? "'text', 'integer', 'real'" : "'text'";
      const text = takesNumbers(column) ? `CAST(${name} AS TEXT)` : name;
      return `CASE WHEN typeof(${name}) IN (${isText}) THEN ${bytesOf(text)} ` +
        `WHEN ${name} IS NOT NULL THEN 0 END`;
    }
    default:
      return name;
  }
}
