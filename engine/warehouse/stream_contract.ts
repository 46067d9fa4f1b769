import { AppError } from "../../contract/errors.ts";
import type { StreamDefinition } from "../../contract/pipeline/stream.ts";
import {
  type Column,
  isSameName,
  nameKey,
  quoteIdentifier,
  quoteLiteral,
  type SqlSession,
} from "../../contract/sql.ts";
import { castTo, isChangedByCast } from "../duckdb/exact_cast.ts";
import { changeType, hasValues, type TypedColumn, typeOfBoth } from "./column_types.ts";
import { rawTable, tableColumns } from "./raw_table.ts";

/** What a stream's contract makes of new columns, missing ones and other types. */

/** Is told what the contract does; nothing is left out without a word. */
export interface ContractReport {
  /** Columns of the table that the source does not have now. */
  missing(columns: readonly string[]): void;
  /** So many values were not stored. */
  valuesLeft(column: string, count: number, why: string): void;
  /**
   * Keeps rows aside: a quoted table with the columns `reason`, `position` and `row`, see recordRejectsOf. The table
   * is dropped afterwards.
   */
  setAside(table: string): Promise<void>;
  /** SQL of the row as it came, in JSON, for one of `given`; its columns as they are here by default. */
  readonly rowJson?: string;
}

/** For rows of which nothing can be at odds with the contract any more. */
const UNTOLD: ContractReport = {
  missing: () => {},
  valuesLeft: () => {},
  setAside: () =>
    Promise.reject(new AppError("internal", "The contract sets rows aside where nobody keeps them")),
};

const SHOWN_CHARACTERS = 200;

/** Takes values or rows out of `incoming` that the contract does not let in. */
class Discards {
  readonly #session: SqlSession;
  readonly #incoming: string;
  readonly #told: ContractReport;

  constructor(session: SqlSession, incoming: string, told: ContractReport) {
    this.#session = session;
    this.#incoming = incoming;
    this.#told = told;
  }

  async columns(added: readonly Column[], mode: "freeze" | "discard_row" | "discard_value"): Promise<void> {
    for (const { name } of added) {
      const column = quoteIdentifier(name);
      if (mode === "discard_value") {
        const count = await this.#count(`${column} IS NOT NULL`);
        this.#told.valuesLeft(name, count, "the column is new");
      } else {
        const reason = `column "${name}" is new, and the contract discards rows with new columns`;
        await this.#rows(`${column} IS NOT NULL`, quoteLiteral(reason));
      }
    }
  }

  /** Makes the column one of the held type, without the values that this does not hold. */
  async values(held: TypedColumn, given: TypedColumn, mode: "discard_row" | "discard_value"): Promise<void> {
    const column = quoteIdentifier(given.name);
    const lost = await this.#lostBy(held, given);
    if (mode === "discard_row") {
      const text = `left(CAST(${column} AS VARCHAR), ${SHOWN_CHARACTERS})`;
      const end = `", expected ${held.type}`;
      await this.#rows(
        lost,
        `concat(${quoteLiteral(`column "${given.name}" is "`)}, ${text}, ${quoteLiteral(end)})`,
      );
    } else {
      const count = await this.#count(lost);
      if (count > 0) this.#told.valuesLeft(given.name, count, `they are no ${held.type}`);
    }
    const value = lost === `${column} IS NOT NULL`
      ? `CAST(NULL AS ${held.type})`
      : `CASE WHEN ${lost} THEN NULL ELSE ${castTo(column, given.type, held.type, "TRY_CAST")} END`;
    await this.#session.run(
      `CREATE OR REPLACE TABLE ${this.#incoming} AS SELECT * REPLACE (${value} AS ${column}) FROM ${this.#incoming}`,
    );
  }

  /** A condition for the values that come back as others; for all where there is no such cast. */
  async #lostBy(held: TypedColumn, given: TypedColumn): Promise<string> {
    const column = quoteIdentifier(given.name);
    const lost = isChangedByCast(column, given.type, held.type);
    try {
      await this.#session.describe(`SELECT ${lost} FROM ${this.#incoming}`);
      return lost;
    } catch {
      return `${column} IS NOT NULL`;
    }
  }

  async #count(condition: string): Promise<number> {
    const [row] = await this.#session.rows(`SELECT count(*) AS n FROM ${this.#incoming} WHERE ${condition}`);
    return Number(row?.["n"] ?? 0);
  }

  async #rows(condition: string, reason: string): Promise<void> {
    const all = `FROM ${this.#incoming} AS given`;
    if (await this.#count(condition) === 0) return;
    const kept = `_sluice.${quoteIdentifier(`set aside ${crypto.randomUUID()}`)}`;
    await this.#session.run(
      `CREATE TABLE ${kept} AS SELECT ${reason} AS reason, NULL::VARCHAR AS position,
         ${this.#told.rowJson ?? "CAST(to_json(given) AS VARCHAR)"} AS "row" ${all} WHERE ${condition}`,
    );
    await this.#told.setAside(kept);
    await this.#session.run(`DROP TABLE ${kept}`);
    await this.#session.run(
      `CREATE OR REPLACE TABLE ${this.#incoming} AS SELECT * ${all} WHERE (${condition}) IS NOT TRUE`,
    );
  }
}

/**
 * Follows the stream's contract where its columns changed; returns the columns of `incoming` to insert. Rows that the
 * contract sets aside leave `incoming`. Those in `ours` are none of the source's, here or there.
 */
export async function alignColumns(
  session: SqlSession,
  name: string,
  stream: StreamDefinition,
  incoming: string,
  told: ContractReport = UNTOLD,
  ours: readonly string[] = [],
): Promise<string[]> {
  const ofSource = (column: Column) => !ours.includes(column.name);
  const held = new Map(
    (await tableColumns(session, "raw", name)).filter(ofSource)
      .map((column) => [nameKey(column.name), column]),
  );
  const fresh = (await session.describe(`SELECT * FROM ${incoming}`)).filter(ofSource);
  const freshNames = new Set(fresh.map((column) => nameKey(column.name)));
  const missing = [...held.values()].filter((column) => !freshNames.has(nameKey(column.name)));
  const added = fresh.filter((column) => !held.has(nameKey(column.name)));
  if (stream.contract.columns === "freeze" && (missing.length > 0 || added.length > 0)) {
    throw frozenColumns(name, added, missing);
  }
  told.missing(missing.map((column) => column.name));
  const discards = new Discards(session, incoming, told);
  if (stream.contract.columns === "evolve") {
    for (const column of added) {
      await session.run(
        `ALTER TABLE ${rawTable(name)} ADD COLUMN ${quoteIdentifier(column.name)} ${column.type}`,
      );
    }
  } else if (added.length > 0) await discards.columns(added, stream.contract.columns);
  for (const column of fresh) {
    const before = held.get(nameKey(column.name));
    if (before === undefined || before.type === column.type) continue;
    const typed = { ...before, table: rawTable(name) };
    await alignType(session, name, stream, typed, { ...column, table: incoming }, discards);
  }
  const left = stream.contract.columns === "evolve" ? [] : added;
  return fresh.filter((column) => !left.includes(column)).map((column) => column.name);
}

/**
 * Throws `invalid` where another quoted table is to take the place of the stream's, with columns or types that the
 * contract freezes.
 */
export async function refuseFrozen(
  session: SqlSession,
  name: string,
  stream: StreamDefinition,
  next: string,
): Promise<void> {
  const held = await tableColumns(session, "raw", name);
  const fresh = await session.describe(`SELECT * FROM ${next}`);
  const lacks = (columns: readonly Column[]) => ({ name }: Column) =>
    !columns.some((column) => isSameName(column.name, name));
  const [added, missing] = [fresh.filter(lacks(held)), held.filter(lacks(fresh))];
  if (stream.contract.columns === "freeze" && added.length + missing.length > 0) {
    throw frozenColumns(name, added, missing);
  }
  if (stream.contract.types !== "freeze") return;
  for (const column of fresh) {
    const before = held.find((other) => isSameName(other.name, column.name));
    if (before === undefined || before.type === column.type) continue;
    throw changedType(name, stream, { ...before, table: rawTable(name) }, { ...column, table: next }, false);
  }
}

/** Makes the table and the new rows hold each other's values in one column, or throws. */
async function alignType(
  session: SqlSession,
  name: string,
  stream: StreamDefinition,
  held: TypedColumn,
  given: TypedColumn,
  discards: Discards,
): Promise<void> {
  // No news is no error: where no new row has a value, there is nothing that could not be held.
  if (!await hasValues(session, given)) return;
  if (!await hasValues(session, held)) return await changeType(session, held, given.type);
  const isOrdered = stream.update_key !== undefined && isSameName(stream.update_key, held.name);
  const type = await typeOfBoth(session, held, given, { isOrdered });
  // What fits into the table as it is, is no change of its type: INTEGER into BIGINT.
  const fits = type === held.type && (held.type !== "VARCHAR" || stream.contract.types !== "freeze");
  const { types } = stream.contract;
  if (type !== held.type && (types === "discard_row" || types === "discard_value")) {
    await discards.values(held, given, types);
    return;
  }
  if (!fits && (type === undefined || stream.contract.types === "freeze")) {
    throw changedType(name, stream, held, given, isOrdered);
  }
  await changeType(session, given, type ?? held.type);
  await changeType(session, held, type ?? held.type);
}

function changedType(
  name: string,
  stream: StreamDefinition,
  held: TypedColumn,
  given: TypedColumn,
  isOrdered: boolean,
): AppError {
  const what = `Stream "${name}": column "${given.name}" was ${held.type} and is now ${given.type}`;
  if (stream.contract.types === "freeze") {
    return new AppError("invalid", `${what}, and its contract freezes types`, {
      detail:
        "Set contract: {types: evolve} on the stream, or run once with --full-refresh to take the new type.",
    });
  }
  const why = isOrdered
    ? "it is the update_key, whose values must sort as before"
    : "no type holds the values of both";
  return new AppError("invalid", `${what}, and ${why}`, {
    detail:
      "Give the column one type where it is read (options.columns, or a cast in a query), or run once with --full-refresh to take the new type.",
  });
}

function frozenColumns(name: string, added: readonly Column[], missing: readonly Column[]): AppError {
  const parts = [
    ...(added.length === 0 ? [] : [`new: ${added.map((column) => column.name).join(", ")}`]),
    ...(missing.length === 0 ? [] : [`gone: ${missing.map((column) => column.name).join(", ")}`]),
  ];
  return new AppError(
    "invalid",
    `Stream "${name}" has other columns than before (${parts.join("; ")}), and its contract freezes columns`,
    { detail: "Set contract: {columns: evolve} on the stream, or run once with --full-refresh." },
  );
}
