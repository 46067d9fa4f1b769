import { Schema } from "apache-arrow";
import type { StreamRequest } from "../../../contract/connector/source.ts";
import { AppError, NO_COLUMNS } from "../../../contract/errors.ts";
import { didYouMean } from "../../../text/suggest.ts";
import { checkColumnNames, chooseColumns } from "../../column_choice.ts";
import type { MysqlStream } from "../options.ts";
import type { ResultColumn } from "../session/payload.ts";
import { ServerError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";
import { parseTableName, quoteName, quoteTable, type TableName, textLiteral } from "../table_name.ts";
import { missingTable } from "./missing_table.ts";
import { withoutEnd } from "./one_statement.ts";
import { beginRead } from "./transaction.ts";
import {
  arrowField,
  isBytes,
  isString,
  planConversion,
  planText,
  planType,
  type TypePlan,
  type ZeroDates,
} from "./types.ts";

export interface ReadContext {
  /** The connector's name in connectors.yaml. */
  readonly name: string;
  readonly defaultDatabase: string;
}

export interface PlannedColumn extends TypePlan {
  readonly name: string;
  /** As the server describes the column itself, whatever is selected of it. */
  readonly source: ResultColumn;
}

/** What is read of a stream, and how. */
export interface ReadPlan {
  /** For messages: `Cannot read shop.orders from it`. */
  readonly action: string;
  /** Undefined for a query. */
  readonly table: TableName | undefined;
  /** What follows FROM. */
  readonly relation: string;
  /** The stream's own condition; undefined for all rows. */
  readonly condition: string | undefined;
  /** Whether dates that no calendar has are read as NULL. */
  readonly zeroIsNull: boolean;
  /** All columns of the relation, those too that `SELECT *` leaves out. */
  readonly known: readonly PlannedColumn[];
  /** Those that are read. */
  readonly columns: readonly PlannedColumn[];
  readonly schema: Schema;
}

export type MysqlRequest = StreamRequest<MysqlStream>;

const NO_SUCH_TABLE = 1146;
const COLUMN_DENIED = [1142, 1143];

export function actionOf({ name, address }: MysqlRequest, context: ReadContext): string {
  if (address.stream !== undefined) return `Cannot read ${address.stream} from ${context.name}`;
  return `Cannot read the query of stream "${name}" from ${context.name}`;
}

/**
 * Begins the transaction and leaves it open for the rows. Throws `not_found` for a table that is not
 * there, `invalid` for a column that is not, and what the server says of the SQL.
 */
export async function planRead(
  session: Session,
  request: MysqlRequest,
  context: ReadContext,
): Promise<ReadPlan> {
  const action = actionOf(request, context);
  const { relation, table } = relationOf(request, context, session);
  const condition = request.where === undefined ? undefined : `(${request.where}\n)`;
  await beginRead(session);
  const described = await describeRelation(session, request, { action, table, relation, condition });
  const { text_columns: textColumns, zero_dates: zeroDates } = request.address.options;
  const known = described.all.map((source): PlannedColumn => {
    const isText = textColumns.includes(source.name);
    if (isText && isBytes(source)) {
      const shown = JSON.stringify(source.name);
      throw new AppError("invalid", `${action}: text_columns names ${shown}, which is bytes and no text`);
    }
    return planColumn(source, { isText, isUnicode: described.isUnicode(source.name), zeroDates });
  });
  const noColumn = (key: string) => (name: string) => {
    const names = known.map((column) => column.name);
    return new AppError(
      "invalid",
      `${action}: ${key} names ${JSON.stringify(name)}, which is no column of it${didYouMean(name, names)}`,
    );
  };
  const unknown = textColumns.find((name) => !known.some((column) => column.name === name));
  if (unknown !== undefined) throw noColumn("text_columns")(unknown);
  const offered = request.columns?.only === undefined
    ? known.filter(({ name }) => !described.hidden.includes(name))
    : known;
  const columns = chooseColumns(offered, request.columns, noColumn("columns"));
  checkColumnNames(columns.map(({ name }) => name), action);
  const schema = new Schema(columns.map(({ name, decode }) => arrowField(name, decode)));
  return { action, table, relation, condition, zeroIsNull: zeroDates === "null", known, columns, schema };
}

/** How a column is selected and decoded; `isText`: as the server's own text. */
export function planColumn(
  source: ResultColumn,
  { isText, isUnicode, zeroDates }: {
    readonly isText: boolean;
    /** Whether Unicode has every character of its character set. */
    readonly isUnicode: boolean;
    readonly zeroDates: ZeroDates;
  },
): PlannedColumn {
  const plan = isText
    ? planText(source)
    : isString(source) && !isUnicode
    ? planConversion(source)
    : planType(source, zeroDates);
  return { ...plan, name: source.name, source };
}

/** The columns as they are to be selected. */
export function selectList(plan: ReadPlan): string {
  return plan.columns.map(({ name, expression }) => {
    const quoted = quoteName(name);
    return expression === undefined ? quoted : `${expression} AS ${quoted}`;
  }).join(", ");
}

/** ` WHERE` and all the conditions, or nothing. */
export function whereClause(conditions: readonly (string | undefined)[]): string {
  const all = conditions.filter((condition) => condition !== undefined);
  return all.length === 0 ? "" : ` WHERE ${all.join(" AND ")}`;
}

function relationOf(
  { name, address }: MysqlRequest,
  context: ReadContext,
  session: Session,
): Pick<ReadPlan, "relation" | "table"> {
  if (address.stream !== undefined) {
    const table = parseTableName(address.stream, context.defaultDatabase);
    return { relation: quoteTable(table), table };
  }
  if (address.query === undefined) {
    throw new AppError("invalid", `Stream "${name}" of ${context.name} needs stream: or query:`);
  }
  const query = withoutEnd(address.query, session.serverSqlMode);
  // The line break ends a comment at the query's end.
  return { relation: `(${query}\n) AS \`query\``, table: undefined };
}

interface DescribedRelation {
  readonly all: readonly ResultColumn[];
  /** Names of those that `SELECT *` leaves out. */
  readonly hidden: readonly string[];
  /** Whether Unicode has every character of the column's character set; false where that is not known. */
  isUnicode(column: string): boolean;
}

async function describeRelation(
  session: Session,
  request: MysqlRequest,
  plan: Pick<ReadPlan, "action" | "table" | "relation" | "condition">,
): Promise<DescribedRelation> {
  const { action, table } = plan;
  const facts = table === undefined ? [] : await columnFacts(session, table);
  const hidden = facts.filter(({ isInvisible }) => isInvisible).map(({ name }) => name);
  const unicode = new Set(facts.filter((fact) => fact.isUnicode).map(({ name }) => name));
  const isUnicode = (column: string) => unicode.has(column);
  try {
    const all = await describeList(session, plan, ["*", ...hidden.map(quoteName)].join(", "));
    if (all.length > 0) return { all, hidden, isUnicode };
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    const only = request.columns?.only;
    // A user who may see some columns only names them.
    if (COLUMN_DENIED.includes(error.errno) && table !== undefined && only !== undefined) {
      const all = await describeList(session, plan, only.map(quoteName).join(", "));
      return { all, hidden: [], isUnicode };
    }
    if (table === undefined || error.errno !== NO_SUCH_TABLE) throw error;
    await session.query("ROLLBACK");
    throw await missingTable(session, action, table) ?? error;
  }
  throw new AppError("invalid", `${action}: it has no columns`, { reason: NO_COLUMNS });
}

async function describeList(
  session: Session,
  { relation, condition }: Pick<ReadPlan, "relation" | "condition">,
  list: string,
): Promise<readonly ResultColumn[]> {
  return (await session.query(`SELECT ${list} FROM ${relation}${whereClause([condition])} LIMIT 0`)).columns;
}

/** Character sets of which no character is lost in Unicode. */
export const UNICODE_CHARSETS: ReadonlySet<string> = new Set([
  "ascii",
  "cp850",
  "cp852",
  "cp866",
  "keybcs2",
  "koi8r",
  "koi8u",
  "latin1",
  "latin2",
  "latin5",
  "latin7",
  "macce",
  "macroman",
  "ucs2",
  "utf16",
  "utf16le",
  "utf32",
  "utf8",
  "utf8mb3",
  "utf8mb4",
]);

interface ColumnFacts {
  readonly name: string;
  /** Only those read it who name it. */
  readonly isInvisible: boolean;
  readonly isUnicode: boolean;
}

/** Of the columns that the user may see. */
async function columnFacts(session: Session, { database, table }: TableName): Promise<ColumnFacts[]> {
  const { rows } = await session.query(
    `SELECT column_name, extra, character_set_name FROM information_schema.columns
      WHERE table_schema = ${textLiteral(database)} AND table_name = ${
      textLiteral(table)
    } ORDER BY ordinal_position`,
  );
  return rows.map(([name, extra, charset]) => ({
    name: name ?? "",
    isInvisible: extra?.includes("INVISIBLE") === true,
    isUnicode: UNICODE_CHARSETS.has(charset ?? ""),
  }));
}
