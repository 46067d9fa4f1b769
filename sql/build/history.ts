import { AppError } from "../../contract/errors.ts";
import { type Column, findColumn, isSameName, quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import { type Model, type ModelHistory, modelTable } from "../language/model.ts";
import { rowText } from "../language/row_text.ts";
import { withoutTerminators } from "../language/scan_sql.ts";
import type { BuildWindow } from "./batches.ts";
import { declareCursor, resetCursor, setCursor } from "./cursor.ts";
import { headerError, missingColumn } from "./header_error.ts";
import { checkKey } from "./model_key.ts";
import { countRows, type Materialized, runModelSql } from "./run_model_sql.ts";
import { columnsOfTable, fitColumns } from "./stored_columns.ts";
import { isMomentType } from "./time_window.ts";
import { setWindow } from "./variables.ts";

/**
 * `materialized: scd2`: a history. What the query returns is how rows are; the table keeps how they were, each
 * version with the time from which and until which it held. Versions of a key never overlap, and one at most holds
 * now. A query that returns the same again changes nothing.
 */

/** The columns that a history has beside those of its query. */
export function historyColumns({ validFrom, validTo, isCurrent }: ModelHistory): Column[] {
  return [
    { name: validFrom, type: "TIMESTAMP WITH TIME ZONE" },
    { name: validTo, type: "TIMESTAMP WITH TIME ZONE" },
    { name: isCurrent, type: "BOOLEAN" },
  ];
}

/** What is wrong with the query's columns for a history; undefined where nothing is. */
export function historyFault(
  { history, updateKey }: Model,
  columns: readonly Column[],
): { readonly key: "scd2" | "update_key"; readonly message: string } | undefined {
  if (history === undefined) return undefined;
  const taken = historyColumns(history).find(({ name }) => findColumn(columns, name) !== undefined);
  if (taken !== undefined) {
    return {
      key: "scd2",
      message:
        `the query has a column ${taken.name}, as the history: give those of the history other names, as ` +
        "`scd2: { valid_from: since, valid_to: until, is_current: holds }`",
    };
  }
  const time = updateKey === undefined ? undefined : findColumn(columns, updateKey);
  if (time === undefined || isMomentType(time.type)) return undefined;
  return {
    key: "update_key",
    message:
      `a version holds from its update_key on, which must be a DATE or TIMESTAMP of at most microseconds, but ` +
      `${time.name} is ${time.type}; cast it, or leave update_key out to compare all columns`,
  };
}

export interface HistoryOptions {
  readonly hasTable: boolean;
  /** Its end is the moment of the run. */
  readonly window: BuildWindow;
}

/** Brings the versions of the query's rows into the model's table. Called in a transaction. */
export async function materializeHistory(
  session: SqlSession,
  model: Model,
  options: HistoryOptions,
): Promise<Materialized> {
  try {
    await setWindow(session, options.window);
    return await new HistoryBuild(session, model, options.window.endMs).run(options.hasTable);
  } finally {
    await resetCursor(session);
  }
}

class HistoryBuild {
  readonly #session: SqlSession;
  readonly #model: Model;
  readonly #history: ModelHistory;
  readonly #table: string;
  /** The rows of the query. */
  readonly #rows: string;
  /** The moment of the run. */
  readonly #now: string;
  readonly #from: string;
  readonly #to: string;
  readonly #current: string;
  readonly #keys: readonly string[];
  readonly #statements: string[] = [];

  constructor(session: SqlSession, model: Model, nowMs: number) {
    if (model.history === undefined) throw new AppError("internal", `${model.name} is no history`);
    this.#session = session;
    this.#model = model;
    this.#history = model.history;
    this.#table = modelTable(model.name);
    this.#rows = quoteIdentifier(`_sluice_rows_${model.name}`);
    this.#now = `(make_timestamp(${BigInt(nowMs) * 1_000n}) AT TIME ZONE 'UTC')`;
    this.#from = quoteIdentifier(model.history.validFrom);
    this.#to = quoteIdentifier(model.history.validTo);
    this.#current = quoteIdentifier(model.history.isCurrent);
    this.#keys = model.primaryKey.map(quoteIdentifier);
  }

  async run(hasTable: boolean): Promise<Materialized> {
    const stored = hasTable ? await columnsOfTable(this.#session, this.#table) : [];
    if (hasTable) {
      this.#requireHistory(stored);
      await setCursor(this.#session, this.#model, this.#table, stored);
    } else await declareCursor(this.#session, this.#model);
    const { sql: select } = await runModelSql(
      this.#session,
      this.#model,
      `CREATE OR REPLACE TEMP TABLE ${this.#rows} AS\n`,
    );
    const columns = await columnsOfTable(this.#session, this.#rows);
    await this.#checkRows(columns);
    const own = stored.filter(({ name }) => !this.#isOfHistory(name));
    const fitted = hasTable
      ? await fitColumns(this.#session, this.#model, this.#table, own, columns)
      : { statements: [], ignored: [], dropped: [] };
    if (!hasTable) await this.#create();
    const kept = columns.filter(({ name }) => !fitted.ignored.some((other) => isSameName(other, name)));
    const placed = await this.#placeByTime(kept);
    const closed = await this.#closeMissing();
    const renewed = await this.#renew(kept);
    await this.#session.run(`DROP TABLE ${this.#rows}`);
    const added = hasTable ? kept.filter(({ name }) => findColumn(stored, name) === undefined) : [];
    const gone = own.filter(({ name }) =>
      findColumn(columns, name) === undefined && !fitted.dropped.includes(name)
    );
    return {
      rows: placed + closed + renewed,
      sql: [`${withoutTerminators(select).trimEnd()}\n`, ...fitted.statements, ...this.#statements].join(
        ";\n",
      ),
      added: added.map(({ name }) => name),
      gone: gone.map(({ name }) => name),
      dropped: fitted.dropped,
      ignored: fitted.ignored,
    };
  }

  #isOfHistory(name: string): boolean {
    return historyColumns(this.#history).some((column) => isSameName(column.name, name));
  }

  #requireHistory(stored: readonly Column[]): void {
    const missing = historyColumns(this.#history).find(({ name, type }) =>
      findColumn(stored, name)?.type !== type
    );
    if (missing === undefined) return;
    throw headerError(
      this.#model,
      ["materialized"],
      `the table ${this.#model.name} is no history, as it has no column ${missing.name} of one: it has other rows or ` +
        "other names (`scd2:`); rename the model, or build the table anew with `full_refresh: true` in the header",
    );
  }

  async #create(): Promise<void> {
    const columns = historyColumns(this.#history).map(({ name, type }) =>
      `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`
    );
    await this.#run(
      `CREATE OR REPLACE TABLE ${this.#table} AS SELECT *, ${
        columns.join(", ")
      } FROM ${this.#rows} WHERE false`,
    );
  }

  /** A key that is NULL, or comes twice for the same time, is no version of anything. */
  async #checkRows(columns: readonly Column[]): Promise<void> {
    const fault = historyFault(this.#model, columns);
    if (fault !== undefined) throw headerError(this.#model, [fault.key], fault.message);
    const { updateKey } = this.#model;
    if (updateKey === undefined) return await checkKey(this.#session, this.#model, this.#rows, columns);
    if (findColumn(columns, updateKey) === undefined) {
      throw missingColumn(this.#model, ["update_key"], updateKey, columns);
    }
    await checkKey(this.#session, this.#model, this.#rows, columns, [updateKey]);
    const time = quoteIdentifier(updateKey);
    const [row] = await this.#session.rows(
      `SELECT ${[...this.#keys, `CAST(${time} AS VARCHAR) AS ${time}`].join(", ")} FROM ${this.#rows}
       WHERE NOT isfinite(${time}) LIMIT 1`,
    );
    if (row === undefined) return;
    throw headerError(this.#model, ["update_key"], `a version cannot hold from ${rowText(row)} on`);
  }

  /**
   * Puts rows with an update_key that the history does not know where they belong: what holds then ends there, and
   * they hold until the next version, or as long as what they divide.
   */
  async #placeByTime(columns: readonly Column[]): Promise<number> {
    const { updateKey } = this.#model;
    if (updateKey === undefined) return 0;
    const time = quoteIdentifier(updateKey);
    const [fresh, placed] = ["fresh", "placed"].map((name) =>
      quoteIdentifier(`_sluice_${name}_${this.#model.name}`)
    );
    await this.#session.run(
      `CREATE OR REPLACE TEMP TABLE ${fresh} AS SELECT ${listOf(columns)} FROM ${this.#rows} AS s
       WHERE NOT EXISTS (SELECT 1 FROM ${this.#table} AS t WHERE ${
        this.#match("t", "s")
      } AND t.${time} = s.${time})`,
    );
    const count = await countRows(this.#session, fresh ?? "");
    if (count > 0) {
      const order = `PARTITION BY ${this.#keys.join(", ")} ORDER BY "_sluice_from", "_sluice_isNew"`;
      await this.#session.run(`CREATE OR REPLACE TEMP TABLE ${placed} AS
WITH versions AS (
  SELECT t.* EXCLUDE (${this.#from}, ${this.#to}, ${this.#current}), t.${this.#from} AS "_sluice_from",
    coalesce(t.${this.#to}, 'infinity') AS "_sluice_until", false AS "_sluice_isNew"
  FROM ${this.#table} AS t SEMI JOIN ${fresh} AS f USING (${this.#keys.join(", ")})
  UNION ALL BY NAME
  SELECT *, CAST(${time} AS TIMESTAMPTZ) AS "_sluice_from", NULL::TIMESTAMPTZ AS "_sluice_until", true AS "_sluice_isNew" FROM ${fresh}
), known AS (
  SELECT *, coalesce(lead("_sluice_from") OVER (${order}), 'infinity') AS "_sluice_next",
    last_value("_sluice_until" IGNORE NULLS) OVER (${order} ROWS UNBOUNDED PRECEDING) AS "_sluice_held"
  FROM versions
), bounded AS (
  SELECT * EXCLUDE ("_sluice_next", "_sluice_held", "_sluice_until", "_sluice_isNew"),
    least("_sluice_next", CASE WHEN "_sluice_held" > "_sluice_from" THEN "_sluice_held" ELSE 'infinity' END) AS "_sluice_end"
  FROM known
)
SELECT * EXCLUDE ("_sluice_from", "_sluice_end"), "_sluice_from" AS ${this.#from},
  CASE WHEN isfinite("_sluice_end") THEN "_sluice_end" END AS ${this.#to}, NOT isfinite("_sluice_end") AS ${this.#current}
FROM bounded WHERE "_sluice_end" > "_sluice_from"`);
      await this.#run(`DELETE FROM ${this.#table} AS t USING ${fresh} AS f WHERE ${this.#match("t", "f")}`);
      await this.#run(`INSERT INTO ${this.#table} BY NAME FROM ${placed}`);
      await this.#session.run(`DROP TABLE ${placed}`);
    }
    await this.#session.run(`DROP TABLE ${fresh}`);
    return count;
  }

  /** Ends the versions of keys that the query no longer has. */
  async #closeMissing(): Promise<number> {
    if (this.#history.deletes !== "soft") return 0;
    const isMissing = `t.${this.#current} AND NOT EXISTS (SELECT 1 FROM ${this.#rows} AS s WHERE ${
      this.#match("t", "s")
    })`;
    return await this.#end(isMissing);
  }

  /**
   * A row that is another one than the version that holds, without a later time of its own, holds from now on; so
   * does one of a key of which nothing holds any more. Where the query returns all rows (deletes: soft), its latest
   * row of a key is what holds, whatever its time; else it may be a late one.
   */
  async #renew(columns: readonly Column[]): Promise<number> {
    const { updateKey } = this.#model;
    const list = listOf(columns);
    const time = updateKey === undefined ? undefined : quoteIdentifier(updateKey);
    const last = time === undefined
      ? `SELECT ${list} FROM ${this.#rows}`
      : `SELECT ${list} FROM ${this.#rows} QUALIFY row_number() OVER (PARTITION BY ${
        this.#keys.join(", ")
      } ORDER BY ${time} DESC) = 1`;
    const renewed = quoteIdentifier(`_sluice_renewed_${this.#model.name}`);
    const differs = columns.filter(({ name }) => !this.#model.primaryKey.some((key) => isSameName(key, name)))
      .map(isDistinct);
    const isPartial = time !== undefined && this.#history.deletes === "ignore";
    const isSameTime = isPartial ? `AND t.${time} = s.${time} ` : "";
    await this.#session.run(`CREATE OR REPLACE TEMP TABLE ${renewed} AS
WITH s AS (${last}), ended AS (
  SELECT ${this.#keys.join(", ")}, max(coalesce(${this.#to}, 'infinity')) AS "_sluice_ended"${
      isPartial ? `, max(${time}) AS "_sluice_time"` : ""
    }
  FROM ${this.#table} SEMI JOIN s USING (${this.#keys.join(", ")}) GROUP BY ALL
)
SELECT s.*, greatest(${this.#now}, t.${this.#from}) AS "_sluice_from" FROM s JOIN ${this.#table} AS t
  ON ${this.#match("t", "s")} WHERE t.${this.#current} ${isSameTime}AND (${
      differs.length === 0 ? "false" : differs.join(" OR ")
    })
UNION ALL
SELECT s.*, greatest(${this.#now}, coalesce(e."_sluice_ended", '-infinity')) AS "_sluice_from" FROM s LEFT JOIN ended AS e
  ON ${this.#match("e", "s")} WHERE coalesce(isfinite(e."_sluice_ended"), true)${
      isPartial ? ` AND (e."_sluice_time" IS NULL OR s.${time} >= e."_sluice_time")` : ""
    }`);
    const count = await countRows(this.#session, renewed);
    if (count > 0) {
      await this.#end(
        `t.${this.#current} AND EXISTS (SELECT 1 FROM ${renewed} AS s WHERE ${this.#match("t", "s")})`,
        `${this.#from} >= ${this.#now}`,
      );
      await this.#run(
        `INSERT INTO ${this.#table} BY NAME SELECT * EXCLUDE ("_sluice_from"), "_sluice_from" AS ${this.#from},
  CAST(NULL AS TIMESTAMPTZ) AS ${this.#to}, true AS ${this.#current} FROM ${renewed}`,
      );
    }
    await this.#session.run(`DROP TABLE ${renewed}`);
    return count;
  }

  /**
   * Ends the versions `t` of the condition now. One that began this very moment has never held and goes; so does what
   * `isNone` holds for, in place of that.
   */
  async #end(condition: string, isNone = `${this.#from} = ${this.#now}`): Promise<number> {
    const gone = await this.#run(`DELETE FROM ${this.#table} AS t WHERE ${condition} AND t.${isNone}`);
    const ended = await this.#run(
      `UPDATE ${this.#table} AS t SET ${this.#to} = ${this.#now}, ${this.#current} = false
WHERE ${condition} AND t.${this.#from} < ${this.#now}`,
    );
    return gone + ended;
  }

  #match(one: string, other: string): string {
    return this.#keys.map((key) => `${one}.${key} = ${other}.${key}`).join(" AND ");
  }

  async #run(sql: string): Promise<number> {
    this.#statements.push(sql);
    return await this.#session.run(sql);
  }
}

const listOf = (columns: readonly Column[]): string =>
  columns.map(({ name }) => quoteIdentifier(name)).join(", ");

/** Types of which DuckDB takes two values that are written otherwise for the same, as 30 days and a month. */
const COMPARED_AS_TEXT = /^(?:INTERVAL|FLOAT|DOUBLE|TIME WITH TIME ZONE)$/;

/** Whether `t` and `s` have other values in the column; text by its characters, whatever its collation. */
function isDistinct({ name, type }: Column): string {
  const values = ["t", "s"].map((row) => {
    const value = `${row}.${quoteIdentifier(name)}`;
    if (type === "VARCHAR") return `encode(${value})`;
    return COMPARED_AS_TEXT.test(type) ? `CAST(${value} AS VARCHAR)` : value;
  });
  return values.join(" IS DISTINCT FROM ");
}
