import { AppError } from "../../contract/errors.ts";
import { type Column, findColumn, quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import { formatFault } from "../../text/fault.ts";
import { listWords } from "../../text/suggest.ts";
import { headerPlace, type Model } from "../language/model.ts";
import { rowText } from "../language/row_text.ts";

/** How a table was made to fit the query's columns, as the header's on_schema_change says. */
export interface FittedColumns {
  /** What ran. */
  readonly statements: readonly string[];
  /** Columns of the query that the table has not, and does not get. */
  readonly ignored: readonly string[];
  readonly dropped: readonly string[];
}

/** The columns of a table by its quoted name. */
export async function columnsOfTable(session: SqlSession, table: string): Promise<Column[]> {
  return await session.describe(`SELECT * FROM ${table}`);
}

/**
 * Gives the table the columns that the rows to come have. Throws invalid where they have others and the header says
 * `fail`, and for a column of another type, unless it says `sync_all_columns` and each stored value stays the same.
 */
export async function fitColumns(
  session: SqlSession,
  model: Model,
  table: string,
  before: readonly Column[],
  after: readonly Column[],
): Promise<FittedColumns> {
  const way = model.onSchemaChange ?? "append_new_columns";
  const added = after.filter(({ name }) => findColumn(before, name) === undefined);
  const gone = before.filter(({ name }) => findColumn(after, name) === undefined);
  const retyped = after.flatMap(({ name, type }) => {
    const known = findColumn(before, name);
    return known === undefined || known.type === type ? [] : [{ known, type }];
  });
  if (way === "fail" && added.length + gone.length > 0) throw otherColumns(model, added, gone);
  const statements: string[] = [];
  const run = async (sql: string) => {
    await session.run(sql);
    statements.push(sql);
  };
  for (const { known, type } of retyped) {
    if (way !== "sync_all_columns") throw retypedColumn(model, known, type);
    await requireSameValues(session, model, table, known, type);
    await run(`ALTER TABLE ${table} ALTER COLUMN ${quoteIdentifier(known.name)} SET DATA TYPE ${type}`);
  }
  if (way !== "ignore") {
    for (const { name, type } of added) {
      await run(`ALTER TABLE ${table} ADD COLUMN ${quoteIdentifier(name)} ${type}`);
    }
  }
  const dropped = way === "sync_all_columns" ? gone.map(({ name }) => name) : [];
  for (const name of dropped) await run(`ALTER TABLE ${table} DROP COLUMN ${quoteIdentifier(name)}`);
  return { statements, ignored: way === "ignore" ? added.map(({ name }) => name) : [], dropped };
}

/** A value that is another one when it comes back would have changed. */
async function requireSameValues(
  session: SqlSession,
  model: Model,
  table: string,
  { name, type: from }: Column,
  to: string,
): Promise<void> {
  const column = quoteIdentifier(name);
  const isSame =
    `CAST(CAST(TRY_CAST(${column} AS ${to}) AS ${from}) AS VARCHAR) IS NOT DISTINCT FROM CAST(${column} AS VARCHAR)`;
  const [row] = await session.rows(`SELECT ${column} FROM ${table} WHERE NOT (${isSame}) LIMIT 1`);
  if (row === undefined) return;
  throw columnError(
    model,
    `column ${name} is ${from} in its table and ${to} in the query now, which does not hold ${
      rowText(row)
    } as it ` +
      "is; cast it, or run with --full-refresh to build the table anew",
    `column ${name} has changed its type`,
  );
}

function retypedColumn(model: Model, { name, type }: Column, now: string): AppError {
  return columnError(
    model,
    `column ${name} is ${type} in its table and ${now} in the query now; cast it, or run with --full-refresh to ` +
      "build the table anew; or `on_schema_change: sync_all_columns` changes it where each value stays the same",
    `column ${name} has changed its type`,
  );
}

function otherColumns(model: Model, added: readonly Column[], gone: readonly Column[]): AppError {
  const texts = [
    ...(added.length === 0 ? [] : [`its table has no ${listWords(added.map(({ name }) => name))}`]),
    ...(gone.length === 0 ? [] : [`the query has no ${listWords(gone.map(({ name }) => name))}`]),
  ];
  const message = `${texts.join(", and ")}, and on_schema_change: fail lets no column come or go`;
  const fault = { ...headerPlace(model, ["on_schema_change"]), message, severity: "error" } as const;
  return new AppError("invalid", `Cannot build the model ${model.name}: ${formatFault(fault)}`, {
    faults: [fault],
  });
}

function columnError(model: Model, message: string, fault: string): AppError {
  return new AppError("invalid", `Cannot ${model.strategy} the model ${model.name}: ${message}`, {
    faults: [{ ...headerPlace(model, []), message: fault, severity: "error" }],
  });
}
