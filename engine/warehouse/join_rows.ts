import { AppError } from "../../contract/errors.ts";
import { type Column, findColumn, quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import { castTo } from "../duckdb/exact_cast.ts";
import { changeType, hasValues, type TypedColumn, typeOfBoth } from "./column_types.ts";

/** Two quoted tables with their columns. */
export interface JoinedTables {
  readonly into: string;
  readonly held: readonly Column[];
  readonly from: string;
  readonly given: readonly Column[];
}

/**
 * Moves all rows of one table into another whose columns may be others: it gets the columns that it lacks, and each of
 * the others the type that holds every value of both exactly. Texts and other values together are JSON. Throws
 * `invalid` where there is no such type; `stream` is for its message.
 */
export async function joinRows(session: SqlSession, stream: string, tables: JoinedTables): Promise<void> {
  const { into, held, from, given } = tables;
  const values: string[] = [];
  for (const { name, type } of given) {
    const column = quoteIdentifier(name);
    const found = findColumn(held, name);
    if (found === undefined) {
      await session.run(`ALTER TABLE ${into} ADD COLUMN ${column} ${type}`);
      values.push(column);
      continue;
    }
    const one: TypedColumn = { table: into, name: found.name, type: found.type };
    const other: TypedColumn = { table: from, name, type };
    const both = await joinedType(session, one, other);
    if (both === undefined) {
      throw new AppError(
        "invalid",
        `Stream "${stream}", column "${name}": no type holds both its ${found.type} and its ${type}`,
      );
    }
    if (both === "JSON" && found.type !== "JSON") {
      const old = quoteIdentifier(found.name);
      await session.run(`ALTER TABLE ${into} ALTER COLUMN ${old} SET DATA TYPE JSON USING to_json(${old})`);
    } else await changeType(session, one, both);
    values.push(both === "JSON" && type !== "JSON" ? `to_json(${column})` : castTo(column, type, both));
  }
  const list = given.map(({ name }) => quoteIdentifier(findColumn(held, name)?.name ?? name)).join(", ");
  await session.run(`INSERT INTO ${into} (${list}) SELECT ${values.join(", ")} FROM ${from}`);
}

async function joinedType(
  session: SqlSession,
  held: TypedColumn,
  given: TypedColumn,
): Promise<string | undefined> {
  if (held.type === given.type || !await hasValues(session, given)) return held.type;
  if (!await hasValues(session, held)) return given.type;
  if (held.type === "JSON" || given.type === "JSON") return "JSON";
  return await typeOfBoth(session, held, given, { isOrdered: false });
}
