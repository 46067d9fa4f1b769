import { NO_TABLE_DIFF, type TableDiff } from "../../../contract/plan/table_diff.ts";
import { type Column, findColumn, isSameName, quoteIdentifier } from "../../../contract/sql.ts";
import { PREVIEW_CELL_CHARS } from "../../../contract/table.ts";
import { cellSql, cutCell } from "../../../sql/build/cell_text.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { hashedValues } from "../../duckdb/hashed_values.ts";

export interface Compared {
  /** Quoted tables. */
  readonly before: string;
  readonly after: string;
  /** What may tell the rows of both versions apart, each by its columns in the new one: the first that does is taken. */
  readonly keys: readonly (readonly string[])[];
  readonly samplePercent: number | null;
  /** Whether values may be shown. */
  readonly showsRows: boolean;
}

/** So many rows of each kind are shown. */
const SAMPLE_ROWS = 5;
/** Of an added or removed row so many columns are shown: the first ones. */
const SAMPLE_COLUMNS = 12;
/** Of a row that changed so many columns are shown. */
const CHANGED_CELLS = 12;

/** A column of both versions. */
interface Pair {
  readonly column: Column;
  readonly before: Column;
  /** How its value is compared: `r` stands for the row. */
  of(row: string, version: "before" | "after"): string;
}

/**
 * What differs between two tables, whatever the order of their rows: NULL is a value like any other. Rows are matched by the
 * first key that tells those of both versions apart; without one they are compared as wholes. Columns that one version alone has are
 * left out.
 */
export async function compareTables(session: DuckSession, compared: Compared): Promise<TableDiff> {
  const [before, after] = [
    await session.describe(`SELECT * FROM ${compared.before}`),
    await session.describe(`SELECT * FROM ${compared.after}`),
  ];
  const pairs = after.flatMap((column) => {
    const was = findColumn(before, column.name);
    return was === undefined ? [] : [pairOf(was, column)];
  });
  const leftOut = [
    ...after.filter(({ name }) => findColumn(before, name) === undefined),
    ...before.filter(({ name }) => findColumn(after, name) === undefined),
  ].map(({ name }) => name);
  const counts = {
    rows_before: await countOf(session, compared.before),
    rows_after: await countOf(session, compared.after),
    columns_left_out: leftOut,
    sample_percent: compared.samplePercent,
  };
  const keys = compared.keys.map((names) => keyOf(names, pairs)).filter((key) => key !== undefined);
  const isWhole = compared.samplePercent === null && leftOut.length === 0;
  if (isWhole && await isSame(session, compared, pairs)) {
    const [key = []] = keys;
    const changed = key.length === 0 ? null : 0;
    return { ...NO_TABLE_DIFF, ...counts, key: namesOf(key), added: 0, removed: 0, changed };
  }
  const key = await firstThatTells(session, compared, keys) ?? [];
  const comparison = new Comparison(session, compared, pairs, key);
  const found = key.length === 0 ? await comparison.wholeRows() : await comparison.byKey();
  return { ...NO_TABLE_DIFF, ...counts, key: namesOf(key), ...found };
}

const namesOf = (key: readonly Pair[]) => key.length === 0 ? null : key.map(({ column }) => column.name);

async function countOf(session: DuckSession, table: string): Promise<number> {
  const [row] = await session.rows(`SELECT count(*) AS n FROM ${table}`);
  return Number(row?.["n"] ?? 0);
}

/** The pairs of the key's columns, where both versions have them all; undefined else. */
function keyOf(names: readonly string[], pairs: readonly Pair[]): readonly Pair[] | undefined {
  const found = names.flatMap((name) => pairs.filter(({ column }) => isSameName(column.name, name)));
  return found.length === names.length && found.length > 0 ? found : undefined;
}

async function firstThatTells(
  session: DuckSession,
  compared: Compared,
  keys: readonly (readonly Pair[])[],
): Promise<readonly Pair[] | undefined> {
  for (const key of keys) {
    if (await tellsRowsApart(session, compared, key)) return key;
  }
  return undefined;
}

/** Whether no key is NULL, and none comes twice, in either version. */
async function tellsRowsApart(
  session: DuckSession,
  { before, after }: Compared,
  key: readonly Pair[],
): Promise<boolean> {
  for (const [table, version] of [[before, "before"], [after, "after"]] as const) {
    const values = key.map((pair) => pair.of("t", version));
    const [row] = await session.rows(
      `SELECT count(*) = count(DISTINCT (${values.join(", ")})) AND NOT coalesce(bool_or(${
        values.map((value) => `${value} IS NULL`).join(" OR ")
      }), false) AS is_key FROM ${table} AS t`,
    );
    if (row?.["is_key"] !== true) return false;
  }
  return true;
}

/** By hashes of whole rows, which take a fraction of the time: most models are the same. */
async function isSame(
  session: DuckSession,
  { before, after }: Compared,
  pairs: readonly Pair[],
): Promise<boolean> {
  if (pairs.length === 0 || pairs.some((pair) => pair.before.type !== pair.column.type)) return false;
  const hashOf = async (table: string, version: "before" | "after") => {
    const values = pairs.flatMap((pair) => hashedValues(pair.of("t", version), pair.column.type));
    const [row] = await session.rows(
      `SELECT count(*) AS n, bit_xor(h) AS x, sum(h::HUGEINT) AS s FROM (SELECT hash(${
        values.join(", ")
      }) AS h FROM ${table} AS t)`,
    );
    return JSON.stringify(row);
  };
  return await hashOf(before, "before") === await hashOf(after, "after");
}

const NUMBER = /^(?:U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*\))$/;
const TIME = /^(?:DATE|TIMESTAMP(?:_S|_MS|_NS)?)$/;

/** Values of two kinds of types are the same where their texts are. */
function pairOf(before: Column, after: Column): Pair {
  const isAlike = before.type === after.type ||
    [NUMBER, TIME].some((kind) => kind.test(before.type) && kind.test(after.type));
  return {
    column: after,
    before,
    of(row, version) {
      const value = `${row}.${quoteIdentifier(version === "before" ? before.name : after.name)}`;
      return isAlike ? value : `CAST(${value} AS VARCHAR)`;
    },
  };
}

type Found = Pick<
  TableDiff,
  | "added"
  | "removed"
  | "changed"
  | "columns"
  | "sample_columns"
  | "sample_changed"
  | "sample_added"
  | "sample_removed"
>;

class Comparison {
  readonly #session: DuckSession;
  readonly #compared: Compared;
  readonly #pairs: readonly Pair[];
  readonly #key: readonly Pair[];
  readonly #others: readonly Pair[];
  /** A column that says whether a side of the join has the row. */
  readonly #mark: string;
  readonly #added: string;
  readonly #removed: string;
  readonly #both: string;

  constructor(session: DuckSession, compared: Compared, pairs: readonly Pair[], key: readonly Pair[]) {
    let mark = "_sluice_in";
    while (pairs.some(({ column }) => isSameName(column.name, mark))) mark += "_";
    this.#mark = mark;
    this.#added = `b.${mark} IS NULL`;
    this.#removed = `a.${mark} IS NULL`;
    this.#both = `a.${mark} AND b.${mark}`;
    this.#session = session;
    this.#compared = compared;
    this.#pairs = pairs;
    this.#key = key;
    this.#others = pairs.filter((pair) => !key.includes(pair));
  }

  async byKey(): Promise<Found> {
    const differs = this.#others.map((pair) =>
      `${pair.of("b", "before")} IS DISTINCT FROM ${pair.of("a", "after")}`
    );
    const anyDiffers = differs.length === 0 ? "false" : `(${differs.join(" OR ")})`;
    const joined = this.#joined();
    const [row = {}] = await this.#session.rows(
      `SELECT count(*) FILTER (${this.#added}) AS added, count(*) FILTER (${this.#removed}) AS removed,
         count(*) FILTER (${this.#both} AND ${anyDiffers}) AS changed${
        differs.map((differs, index) => `, count(*) FILTER (${this.#both} AND ${differs}) AS c${index}`).join(
          "",
        )
      } FROM ${joined}`,
    );
    const count = (name: string) => Number(row[name] ?? 0);
    const columns = this.#others.map(({ column }, index) => ({
      name: column.name,
      changed: count(`c${index}`),
    }))
      .filter(({ changed }) => changed > 0).sort((one, other) => other.changed - one.changed);
    const [added, removed, changed] = [count("added"), count("removed"), count("changed")];
    return {
      added,
      removed,
      changed,
      columns,
      sample_columns: this.#shown.map(({ column }) => column.name),
      sample_changed: this.#compared.showsRows && changed > 0
        ? await this.#changedRows(joined, anyDiffers, differs)
        : [],
      sample_added: added === 0 ? [] : await this.#sample(joined, this.#added, "a", "after"),
      sample_removed: removed === 0 ? [] : await this.#sample(joined, this.#removed, "b", "before"),
    };
  }

  async wholeRows(): Promise<Found> {
    const side = (table: string, version: "before" | "after", sign: number) =>
      `SELECT ${
        this.#pairs.map((pair, index) => `${pair.of("t", version)} AS c${index}`).concat(`${sign} AS n`).join(
          ", ",
        )
      } FROM ${table} AS t${this.#sampleOf(version)}`;
    const names = this.#pairs.map((_, index) => `c${index}`);
    const grouped = `SELECT ${names.concat("sum(n)::BIGINT AS n").join(", ")} FROM (${
      side(this.#compared.after, "after", 1)
    } UNION ALL ${side(this.#compared.before, "before", -1)})${
      names.length === 0 ? "" : ` GROUP BY ${names.join(", ")}`
    } HAVING sum(n) <> 0`;
    await this.#session.run(`CREATE OR REPLACE TEMP TABLE _sluice_rows AS ${grouped}`);
    const [row = {}] = await this.#session.rows(
      `SELECT coalesce(sum(n) FILTER (n > 0), 0)::BIGINT AS added, -coalesce(sum(n) FILTER (n < 0), 0)::BIGINT AS removed
       FROM _sluice_rows`,
    );
    const sample = async (condition: string): Promise<(string | null)[][]> => {
      if (!this.#compared.showsRows) return [];
      const shown = this.#pairs.slice(0, SAMPLE_COLUMNS);
      if (shown.length === 0) return [];
      const names = shown.map((_, index) => `c${index}`).join(", ");
      const first = `SELECT ${names} FROM _sluice_rows WHERE ${condition} ORDER BY ALL LIMIT ${SAMPLE_ROWS}`;
      return await this.#cells(
        first,
        shown.map(({ column: { type } }, index) => ({ name: `c${index}`, type })),
      );
    };
    const found = {
      added: Number(row["added"] ?? 0),
      removed: Number(row["removed"] ?? 0),
      changed: null,
      columns: [],
      sample_columns: this.#pairs.slice(0, SAMPLE_COLUMNS).map(({ column }) => column.name),
      sample_changed: [],
      sample_added: await sample("n > 0"),
      sample_removed: await sample("n < 0"),
    };
    await this.#session.run("DROP TABLE _sluice_rows");
    return found;
  }

  /** The key's columns first. */
  get #shown(): readonly Pair[] {
    return [...this.#key, ...this.#others].slice(0, SAMPLE_COLUMNS);
  }

  #joined(): string {
    const side = (table: string, version: "before" | "after") => {
      const columns = this.#pairs.map((pair) =>
        quoteIdentifier(pair[version === "before" ? "before" : "column"].name)
      );
      return `(SELECT ${columns.join(", ")}, true AS ${this.#mark} FROM ${table} AS t${
        this.#sampleOf(version)
      })`;
    };
    const isSame = this.#key.map((pair) => `${pair.of("a", "after")} = ${pair.of("b", "before")}`);
    return `${side(this.#compared.after, "after")} AS a FULL JOIN ${
      side(this.#compared.before, "before")
    } AS b ON ${isSame.join(" AND ")}`;
  }

  /** The same rows of both versions: those whose key, or all of them, has a hash in that part of all hashes. */
  #sampleOf(version: "before" | "after"): string {
    const { samplePercent } = this.#compared;
    if (samplePercent === null) return "";
    const pairs = this.#key.length === 0 ? this.#pairs : this.#key;
    const texts = pairs.map((pair) => `CAST(${pair.of("t", version)} AS VARCHAR)`);
    if (texts.length === 0) return "";
    return ` WHERE hash(${texts.join(", ")}) % 1000000 < ${Math.round(samplePercent * 10_000)}`;
  }

  async #sample(
    joined: string,
    condition: string,
    row: "a" | "b",
    version: "before" | "after",
  ): Promise<(string | null)[][]> {
    if (!this.#compared.showsRows) return [];
    const columns = this.#shown.map((pair) => version === "before" ? pair.before : pair.column);
    const first = `SELECT ${
      columns.map(({ name }, index) => `${row}.${quoteIdentifier(name)} AS c${index}`).join(", ")
    } FROM ${joined} WHERE ${condition} ORDER BY ${
      this.#key.map((pair) => pair.of(row, version)).join(", ")
    } LIMIT ${SAMPLE_ROWS}`;
    return await this.#cells(first, columns.map(({ type }, index) => ({ name: `c${index}`, type })));
  }

  /** The rows of a short query as texts. */
  async #cells(sql: string, columns: readonly Column[]): Promise<(string | null)[][]> {
    const cells = columns.map((column) => `${cellSql(column, PREVIEW_CELL_CHARS)} AS ${column.name}`);
    const rows = await this.#session.rows(`SELECT ${cells.join(", ")} FROM (${sql})`);
    return rows.map((row) => columns.map(({ name }) => cutCell(row[name], PREVIEW_CELL_CHARS)));
  }

  async #changedRows(
    joined: string,
    anyDiffers: string,
    differs: readonly string[],
  ): Promise<Found["sample_changed"]> {
    const columns: (Column & { readonly sql: string })[] = [
      ...this.#key.map(({ column: { name, type } }, index) => ({
        name: `k${index}`,
        type,
        sql: `a.${quoteIdentifier(name)}`,
      })),
      ...this.#others.flatMap(({ column, before }, index) => [
        { name: `d${index}`, type: "BOOLEAN", sql: differs[index] ?? "false" },
        { name: `b${index}`, type: before.type, sql: `b.${quoteIdentifier(before.name)}` },
        { name: `a${index}`, type: column.type, sql: `a.${quoteIdentifier(column.name)}` },
      ]),
    ];
    const first = `SELECT ${
      columns.map(({ name, sql }) => `${sql} AS ${name}`).join(", ")
    } FROM ${joined} WHERE ${this.#both} AND ${anyDiffers} ORDER BY ${
      this.#key.map((pair) => pair.of("a", "after")).join(", ")
    } LIMIT ${SAMPLE_ROWS}`;
    const rows = await this.#cells(first, columns);
    const at = (row: readonly (string | null)[], name: string) =>
      row[columns.findIndex((column) => column.name === name)] ?? null;
    return rows.map((row) => ({
      key: this.#key.map((_, index) => at(row, `k${index}`)),
      cells: this.#others.flatMap(({ column }, index) =>
        at(row, `d${index}`) === "true"
          ? [{ column: column.name, before: at(row, `b${index}`), after: at(row, `a${index}`) }]
          : []
      ).slice(0, CHANGED_CELLS),
    }));
  }
}
