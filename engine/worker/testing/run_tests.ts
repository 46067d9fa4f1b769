import { AppError, toAppError } from "../../../contract/errors.ts";
import { resolveParams } from "../../../contract/params/values.ts";
import { type Column, findColumn, isSameName, quoteIdentifier } from "../../../contract/sql.ts";
import type { TestOutcome } from "../../../contract/testing/outcome.ts";
import type { TestTable, UnitTest } from "../../../contract/testing/unit_test.ts";
import { declareCursor, setCursor } from "../../../sql/build/cursor.ts";
import { gathersRows } from "../../../sql/build/model_change.ts";
import { runModelSql } from "../../../sql/build/run_model_sql.ts";
import { setRunVariables } from "../../../sql/build/variables.ts";
import type { Model } from "../../../sql/language/model.ts";
import type { Fault, SourcePlace } from "../../../text/fault.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { cellSql, explainCells, inUtc, requireFits, type TestCell } from "./cell_sql.ts";
import { compareRows, type TextRow } from "./compare_rows.ts";
import {
  columnFaults,
  type InputTable,
  planTest,
  refusal,
  type TestedPipeline,
  type TestPlan,
  unknownColumns,
} from "./plan_test.ts";

const MAX_ROWS = 10_000;
/** What a query gives that is no larger is read with its columns at once. */
const FEW = { cells: 2_000, bytes: 1_000_000 };
const ACTUAL = '"_sluice_actual"';

/**
 * Runs tests in the database that their pipeline was compiled in, each in a transaction that is rolled back. Never
 * throws for what their authors wrote; throws the signal's reason.
 */
export async function runTests(
  session: DuckSession,
  pipeline: TestedPipeline,
  tests: readonly UnitTest[],
): Promise<TestOutcome[]> {
  await session.run("PRAGMA enable_optimizer");
  const outcomes: TestOutcome[] = [];
  for (const test of tests) outcomes.push(await runTest(session, pipeline, test));
  return outcomes;
}

async function runTest(session: DuckSession, pipeline: TestedPipeline, test: UnitTest): Promise<TestOutcome> {
  const startedMs = performance.now();
  const outcome = (rest: Pick<TestOutcome, "state" | "difference" | "faults">): TestOutcome => ({
    name: test.name,
    pipeline: pipeline.name,
    model: test.model,
    file: test.place.file,
    line: test.place.line ?? null,
    duration_ms: Math.round(performance.now() - startedMs),
    ...rest,
  });
  try {
    const runner = new TestRunner(session, pipeline, test);
    const difference = await runner.run() ?? null;
    return outcome({ state: difference === null ? "passed" : "failed", difference, faults: [] });
  } catch (error) {
    const failure = toAppError(error);
    if (failure.code === "cancelled" || failure.code === "timeout") throw error;
    const whole: Fault = { ...test.place, message: failure.message, severity: "error" };
    return outcome({
      state: "error",
      difference: null,
      faults: failure.faults.length > 0 ? failure.faults : [whole],
    });
  }
}

class TestRunner {
  readonly #session: DuckSession;
  readonly #pipeline: TestedPipeline;
  readonly #test: UnitTest;

  constructor(session: DuckSession, pipeline: TestedPipeline, test: UnitTest) {
    this.#session = session;
    this.#pipeline = pipeline;
    this.#test = test;
  }

  /** What differs; undefined where nothing does. */
  async run() {
    const plan = planTest(this.#pipeline, this.#test);
    const faults = columnFaults(plan);
    if (faults.length > 0) {
      throw new AppError("invalid", "The test names columns that are not there", { faults });
    }
    let difference: ReturnType<typeof compareRows>;
    await this.#setVariables();
    await rolledBack(this.#session, async () => {
      await this.#begin([...plan.inputs, ...plan.own === undefined ? [] : [plan.own]]);
      for (const model of plan.taken) {
        const table = `main.${quoteIdentifier(model.name)}`;
        await runModelSql(this.#session, model, `CREATE OR REPLACE TABLE ${table} AS\n`);
      }
      await this.#setCursor(plan);
      await runModelSql(this.#session, plan.model, `CREATE OR REPLACE TEMP TABLE ${ACTUAL} AS\n`);
      difference = await this.#compare(plan);
    });
    return difference;
  }

  async #setVariables(): Promise<void> {
    const { params, runStartMs, windowStartMs, windowEndMs, paramsPlace } = this.#test;
    const { params: definitions, name } = this.#pipeline;
    try {
      await setRunVariables(this.#session, {
        runId: "test",
        pipeline: name,
        runStart: new Date(runStartMs),
        windowStart: windowStartMs === null ? null : new Date(windowStartMs),
        windowEnd: new Date(windowEndMs),
        params: resolveParams(definitions, params),
        definitions,
      });
    } catch (error) {
      const failure = toAppError(error);
      throw failure.code === "invalid" ? refusal(paramsPlace, failure.message) : error;
    }
  }

  /** Begins the transaction with the tables that the test gives, all of them by one text. */
  async #begin(inputs: readonly InputTable[]): Promise<void> {
    const session = this.#session;
    const given = inputs.map(givenTable);
    try {
      for (const { cells } of given) await requireFits(session, cells);
      await session.run(["BEGIN TRANSACTION", ...given.flatMap(({ sql }) => sql)].join(";\n"));
    } catch {
      // One after the other they say which of them is at fault, and why.
      await session.run("ROLLBACK").catch(() => {});
      await session.run("BEGIN TRANSACTION");
      for (const table of given) await this.#fill(table);
    }
  }

  async #fill({ place, sql: [create, insert], cells }: GivenTable): Promise<void> {
    await this.#session.run(create).catch((error) => {
      throw refusal(place, toAppError(error).message);
    });
    if (insert === undefined) return;
    await requireFits(this.#session, cells);
    try {
      await this.#session.run(insert);
    } catch (error) {
      throw await this.#explained(cells, error);
    }
  }

  /** As it is while the model is built: the greatest value of what is there, or a NULL of its type. */
  async #setCursor({ model, own }: TestPlan): Promise<void> {
    if (!gathersRows(model)) return;
    if (own === undefined) await declareCursor(this.#session, model);
    else await setCursor(this.#session, model, own.relation, own.columns);
  }

  async #compare({ model, columns: known = [] }: TestPlan) {
    const { expect } = this.#test;
    const query = (cells: string) => `SELECT ${cells} FROM ${ACTUAL} ORDER BY rowid LIMIT ${MAX_ROWS + 1}`;
    const { columns, rows: few } = await this.#session.texts(query("*"), FEW);
    const faults = unknownColumns(model.name, expect, columns.length === 0 ? known : columns);
    if (faults.length > 0) {
      throw new AppError("invalid", "The test expects columns that are not there", { faults });
    }
    // Without rows there is nothing to say which columns count: whatever is there is too much.
    const compared = expect.columns.length === 0
      ? columns
      : expect.columns.flatMap((name) => findColumn(columns, name) ?? []);
    const actual = few === undefined
      ? await this.#textsOf(query, compared)
      : few.map((row) => compared.map((column) => row[columns.indexOf(column)] ?? null));
    if (actual.length > MAX_ROWS || expect.rows.length > MAX_ROWS) {
      throw refusal(this.#test.place, `it compares more than ${MAX_ROWS} rows: give fewer`);
    }
    return compareRows(
      {
        columns: compared.map(({ name }) => name),
        key: keyOf(model, compared),
        fractional: new Set(
          compared.flatMap(({ type }, index) => /^(?:DOUBLE|FLOAT|DECIMAL)/.test(type) ? [index] : []),
        ),
        tolerance: expect.tolerance,
        ordered: expect.ordered,
      },
      actual,
      await this.#expectedRows(compared),
    );
  }

  /** Of what is long, or holds values that have to be cast. `query` makes one of its cells. */
  async #textsOf(query: (cells: string) => string, columns: readonly Column[]): Promise<TextRow[]> {
    const cells = columns.map(({ name }, index) => `CAST(${quoteIdentifier(name)} AS VARCHAR) AS c${index}`);
    return (await this.#session.rows(query(cells.join(", ")))).map((row) => textRow(row, columns.length));
  }

  /** As DuckDB writes them: `1.5` of a DECIMAL(18,2) is `1.50`. */
  async #expectedRows(columns: readonly Column[]): Promise<TextRow[]> {
    const { expect: { rows } } = this.#test;
    if (rows.length === 0) return [];
    const all = rows.map((row) => cellsOf(row, columns));
    const cells = all.flat();
    await requireFits(this.#session, cells);
    const values = all.map((row) => `(${row.map((cell) => `CAST(${cellSql(cell)} AS VARCHAR)`).join(", ")})`);
    const names = columns.map((_, index) => `c${index}`).join(", ");
    try {
      const expected = await this.#session.rows(
        `SELECT * FROM (VALUES ${values.join(", ")}) AS expected(${names})`,
      );
      return expected.map((row) => textRow(row, columns.length));
    } catch (error) {
      throw await this.#explained(cells, error);
    }
  }

  /** A statement that failed has ended the transaction: what is looked at now stands in none. */
  async #explained(cells: readonly TestCell[], error: unknown): Promise<unknown> {
    await this.#session.run("ROLLBACK").catch(() => {});
    return await explainCells(this.#session, cells, error);
  }
}

interface GivenTable {
  readonly place: SourcePlace;
  /** What makes it, and what puts its rows into it where it has any. */
  readonly sql: readonly [create: string, insert?: string];
  readonly cells: readonly TestCell[];
}

/** Throws `invalid` where its columns are not known. */
function givenTable({ relation, given, columns }: InputTable): GivenTable {
  if (columns.length === 0) {
    throw refusal(
      given.place,
      "its columns are not known: say them, as columns: {id: BIGINT}, or give a row",
    );
  }
  const list = columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`);
  const create = `CREATE OR REPLACE TABLE ${relation} (${list.join(", ")})`;
  const used = columns.filter(({ name }) => given.columns.some((other) => isSameName(other, name)));
  if (given.rows.length === 0 || used.length === 0) return { place: given.place, sql: [create], cells: [] };
  const rows = given.rows.map((row) => cellsOf(row, used));
  const values = rows.map((row) => `(${row.map(cellSql).join(", ")})`);
  const names = used.map(({ name }) => quoteIdentifier(name)).join(", ");
  const insert = `INSERT INTO ${relation} (${names}) VALUES ${values.join(", ")}`;
  return { place: given.place, sql: [create, insert], cells: rows.flat() };
}

/** The first `count` of `c0`, `c1`, … as DuckDB has cast them. */
const textRow = (row: Readonly<Record<string, unknown>>, count: number): TextRow =>
  Array.from({ length: count }, (_, index) => {
    const value = row[`c${index}`];
    return value === null || value === undefined ? null : String(value);
  });

function cellsOf({ values, place }: TestTable["rows"][number], columns: readonly Column[]): TestCell[] {
  return columns.map(({ name, type }) => {
    const [, value = null] = Object.entries(values).find(([written]) => isSameName(written, name)) ?? [];
    return { value: inUtc(value, type), column: name, type, place };
  });
}

/** Places of the primary key among the columns; none where it is not whole. */
function keyOf({ primaryKey }: Model, columns: readonly Column[]): number[] {
  const places = primaryKey.map((key) => columns.findIndex(({ name }) => isSameName(name, key)));
  return places.includes(-1) ? [] : places;
}

/** What `work` does in the transaction that it begins. */
async function rolledBack(session: DuckSession, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    // Where a statement failed it may have ended already.
    await session.run("ROLLBACK").catch(() => {});
    await session.setVariables({ cursor: null }).catch(() => {});
  }
}
