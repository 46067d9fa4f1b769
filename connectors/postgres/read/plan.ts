import { Schema } from "apache-arrow";
import type { StreamRequest } from "../../../contract/connector/source.ts";
import { AppError, NO_COLUMNS } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { didYouMean } from "../../../text/suggest.ts";
import { checkColumnNames, chooseColumns } from "../../column_choice.ts";
import type { PostgresStream } from "../options.ts";
import type { ResultColumn } from "../session/commands.ts";
import { ServerError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";
import { parseTableName, quoteTable, type TableName } from "../table_name.ts";
import { missingTable } from "./missing_table.ts";
import { withoutEnd } from "./one_statement.ts";
import { beginRead } from "./transaction.ts";
import { arrowField, type ColumnType, isMoney, planText, planType, type TypePlan } from "./types.ts";

export interface ReadContext {
  /** The connector's name in connectors.yaml. */
  readonly name: string;
  readonly defaultSchema: string;
}

export interface PlannedColumn extends TypePlan {
  readonly name: string;
  readonly type: ColumnType;
  /** The type's name, quoted and with its schema. */
  readonly typeName: string;
}

/** What is read of a stream, and how. */
export interface ReadPlan {
  /** For messages: `Cannot read public.orders from shop`. */
  readonly action: string;
  /** Undefined for a query. */
  readonly table: TableName | undefined;
  /** What follows FROM. */
  readonly relation: string;
  /** The stream's own condition; undefined for all rows. */
  readonly condition: string | undefined;
  /** All columns of the relation. */
  readonly known: readonly PlannedColumn[];
  /** Those that are read. */
  readonly columns: readonly PlannedColumn[];
  readonly schema: Schema;
}

export type PostgresRequest = StreamRequest<PostgresStream>;

export function actionOf({ name, address }: PostgresRequest, context: ReadContext): string {
  if (address.stream !== undefined) return `Cannot read ${address.stream} from ${context.name}`;
  return `Cannot read the query of stream "${name}" from ${context.name}`;
}

/**
 * Begins the transaction and leaves it open for the rows, with a snapshot that another session has exported
 * where one is named. Throws `not_found` for a table that is not
 * there, `invalid` for a column that is not, and what the server says of the SQL.
 */
export async function planRead(
  session: Session,
  request: PostgresRequest,
  context: ReadContext,
  snapshot?: string,
): Promise<ReadPlan> {
  const action = actionOf(request, context);
  const { relation, table, query } = relationOf(request, context);
  const condition = conditionOf(request);
  await beginRead(session, snapshot);
  // By itself first: the server's words about the query are then about the user's own text.
  if (query !== undefined) await session.describe(query);
  const described = await describeRelation(session, { action, table, relation, condition });
  const { text_columns: textColumns } = request.address.options;
  const known = await planColumns(session, described, textColumns);
  const noColumn = (key: string) => (name: string) => {
    const names = known.map((column) => column.name);
    return new AppError(
      "invalid",
      `${action}: ${key} names ${JSON.stringify(name)}, which is no column of it${didYouMean(name, names)}`,
    );
  };
  const unknown = textColumns.find((name) => !known.some((column) => column.name === name));
  if (unknown !== undefined) throw noColumn("text_columns")(unknown);
  const columns = chooseColumns(known, request.columns, noColumn("columns"));
  checkColumnNames(columns.map(({ name }) => name), action);
  const schema = new Schema(columns.map(({ name, decode }) => arrowField(name, decode)));
  return { action, table, relation, condition, known, columns, schema };
}

/** The columns as they are to be selected. */
export function selectList(plan: ReadPlan): string {
  return plan.columns.map(({ name, casts }) => {
    const types = casts.map((type) => `::pg_catalog.${type}`);
    return `${quoteIdentifier(name)}${types.join("")}`;
  }).join(", ");
}

/** ` WHERE` and all the conditions, or nothing. */
export function whereClause(conditions: readonly (string | undefined)[]): string {
  const all = conditions.filter((condition) => condition !== undefined);
  return all.length === 0 ? "" : ` WHERE ${all.join(" AND ")}`;
}

function relationOf(
  { name, address }: PostgresRequest,
  context: ReadContext,
): Pick<ReadPlan, "relation" | "table"> & { readonly query?: string } {
  if (address.stream !== undefined) {
    const table = parseTableName(address.stream, context.defaultSchema);
    return { relation: quoteTable(table), table };
  }
  if (address.query === undefined) {
    throw new AppError("invalid", `Stream "${name}" of ${context.name} needs stream: or query:`);
  }
  const query = withoutEnd(address.query);
  // The line break ends a comment at the query's end; PostgreSQL 15 wants a name for the subquery.
  return { relation: `(${query}\n) AS "query"`, table: undefined, query };
}

const conditionOf = ({ where }: PostgresRequest): string | undefined =>
  where === undefined ? undefined : `(${where}\n)`;

async function describeRelation(
  session: Session,
  { action, table, relation, condition }: Pick<ReadPlan, "action" | "table" | "relation" | "condition">,
): Promise<readonly ResultColumn[]> {
  try {
    const columns = await session.describe(`SELECT * FROM ${relation}${whereClause([condition])}`);
    if (columns.length > 0) return columns;
  } catch (error) {
    if (table === undefined || !(error instanceof ServerError) || error.fields.code !== "42P01") throw error;
    await session.query("ROLLBACK");
    if (await doesExist(session, table)) throw error;
    throw await missingTable(session, action, table);
  }
  throw new AppError("invalid", `${action}: it has no columns`, { reason: NO_COLUMNS });
}

/** Then another table is missing, as one that the condition names. */
async function doesExist(session: Session, table: TableName): Promise<boolean> {
  const { rows } = await session.query(
    `SELECT pg_catalog.to_regclass(${quoteLiteral(quoteTable(table))}) IS NOT NULL`,
  );
  return rows[0]?.[0] === "t";
}

/** How each column is read. `described` has no domains, but what they are made of. */
export async function planColumns(
  session: Session,
  described: readonly ResultColumn[],
  textColumns: readonly string[],
): Promise<readonly PlannedColumn[]> {
  const types = await typesOf(session, described);
  const hasMoney = described.some(({ typeOid: oid }) => isMoney({ oid, modifier: -1, isArray: false }));
  const moneyScale = hasMoney ? await scaleOfMoney(session) : 0;
  return described.map(({ name, typeOid: oid, typeModifier: modifier }): PlannedColumn => {
    const { typeName = "", isArray = false } = types.get(oid) ?? {};
    const type = { oid, modifier, isArray };
    const plan = textColumns.includes(name) ? planText(type) : planType(type, moneyScale);
    return { ...plan, name, type, typeName };
  });
}

async function typesOf(
  session: Session,
  columns: readonly ResultColumn[],
): Promise<ReadonlyMap<number, { readonly typeName: string; readonly isArray: boolean }>> {
  const oids = new Set(columns.map(({ typeOid }) => typeOid));
  const { rows } = await session.query(
    `SELECT t.oid, n.nspname, t.typname,
            EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)
       FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
      WHERE t.oid IN (${[...oids].join(", ")})`,
  );
  return new Map(rows.map(([oid, schema, name, isArray]) => [
    Number(oid),
    { typeName: `${quoteIdentifier(schema ?? "")}.${quoteIdentifier(name ?? "")}`, isArray: isArray === "t" },
  ]));
}

/** Two in most places; the server's lc_monetary says. */
export async function scaleOfMoney(session: Session): Promise<number> {
  const { rows } = await session.query(
    "SELECT pg_catalog.scale((1::pg_catalog.int8::pg_catalog.money)::pg_catalog.numeric)",
  );
  return Number(rows[0]?.[0]);
}
