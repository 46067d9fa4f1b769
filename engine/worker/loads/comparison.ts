import { triedCast } from "../../../connectors/text_cast/exact_cast.ts";
import type { TextForms } from "../../../contract/connector/connector.ts";
import { type LoadDefinition, loadShapeOf } from "../../../contract/pipeline/load.ts";
import { type Column, findColumn, quoteIdentifier } from "../../../contract/sql.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { type Counted, countRows } from "../load.ts";
import { BACK } from "./read_back.ts";
import type { RowsToLoad } from "./rows_to_load.ts";

const MAX_EXAMPLES = 3;
const MAX_SHOWN = 200;
/** Types whose values a system may write in another way, as JSON with its keys sorted. */
const NOT_COMPARED = /^(?:JSON|INTERVAL|STRUCT|MAP|UNION)\b|\[\d*\]$/;

type Session = Pick<DuckSession, "rows" | "describe">;

/**
 * What a load is about at its target. `all`: the target has just the rows that are sent. `part`: the rows of their keys
 * or partitions, and of a history the current ones. `among`: they are there, beside others.
 */
export type Extent = "all" | "part" | "among";

export interface Compared {
  /** What differs, in words; empty where nothing does. */
  readonly faults: readonly string[];
  /** Rows that are sent and not there as they were. */
  readonly missing: number;
}

/** The rows of a load beside those of `BACK`: both as SQL, in the same columns and types. */
export class Comparison {
  readonly extent: Extent;
  /** Columns that are left out, since systems write their values in ways of their own. */
  readonly notCompared: readonly string[];
  /** Whether the rows that were found can have the hash of a receipt: all columns, in the types of those sent. */
  readonly hashesAsSent: boolean;
  readonly #session: Session;
  readonly #lacking: readonly string[];
  readonly #key: readonly string[];
  readonly #columns: readonly string[];
  readonly #expected: string;
  readonly #actual: string;
  readonly #gone: string | undefined;
  /** How many rows have a value that is none of its column's type: they are left out, as it would pass for NULL. */
  readonly #unread: string;
  readonly #hasCasts: boolean;

  private constructor(
    session: Session,
    columns: readonly Column[],
    found: readonly Column[],
    load: LoadDefinition,
    { rows, gone }: RowsToLoad,
    texts: TextForms | undefined,
  ) {
    this.#session = session;
    this.#lacking = columns.filter(({ name }) => findColumn(found, name) === undefined).map(({ name }) =>
      name
    );
    const compared = columns.filter(({ type }) => !NOT_COMPARED.test(type));
    this.notCompared = columns.filter((column) => !compared.includes(column)).map(({ name }) => name);
    const { primary_key: key = [] } = load;
    const pairs = compared.map((column) => pairOf(column, findColumn(found, column.name) ?? column, texts));
    this.hashesAsSent = this.notCompared.length === 0 && pairs.every(({ isAsSent }) => isAsSent);
    this.#columns = compared.map(({ name }) => quoteIdentifier(name));
    this.#expected = `SELECT ${pairs.map(({ expected }) => expected).join(", ")} FROM (${rows})`;
    const { history } = loadShapeOf(load, 0);
    const current = history === undefined ? "true" : `CAST(${quoteIdentifier(history.isCurrent)} AS BOOLEAN)`;
    const casts = pairs.flatMap(({ isUnread }) => isUnread ?? []);
    this.#hasCasts = casts.length > 0;
    const unread = casts.join(" OR ") || "false";
    this.#unread = `SELECT count(*) AS n FROM ${BACK} AS back WHERE ${current} AND (${unread})`;
    const all = `SELECT ${
      pairs.map(({ actual }) => actual).join(", ")
    } FROM ${BACK} AS back WHERE ${current} AND NOT (${unread})`;
    const about = aboutOf(load);
    this.extent = load.mode === "append" ? "among" : about.length === 0 ? "all" : "part";
    this.#actual = about.length === 0
      ? all
      : `SELECT a.* FROM (${all}) AS a SEMI JOIN (${this.#expected}) AS e ON ${isSame(about, "e")}`;
    this.#gone = gone === undefined
      ? undefined
      : `SELECT a.* FROM (${all}) AS a SEMI JOIN (${gone}) AS g ON ${isSame(key, "g")}`;
    this.#key = key;
  }

  /** `BACK` has been read. Expressions of `chosen` are run as they are, several times. */
  static async of(
    session: Session,
    load: LoadDefinition,
    chosen: RowsToLoad,
    texts: TextForms | undefined,
  ): Promise<Comparison> {
    const found = await session.describe(`SELECT * FROM ${BACK}`);
    return new Comparison(session, await session.describe(chosen.rows), found, load, chosen, texts);
  }

  /** How many rows are sent, and their hash in the columns that are compared. */
  async expected(): Promise<Counted> {
    return await this.#count(this.#expected);
  }

  /** The same of the target's rows that the load is about. Of an append: of all. */
  async found(): Promise<Counted> {
    return await this.#count(this.#actual);
  }

  /** Whether equal rows are not all that is to be looked at. */
  get leavesWork(): boolean {
    return this.#lacking.length > 0 || this.#gone !== undefined || this.#hasCasts;
  }

  async #count(rows: string): Promise<Counted> {
    if (this.#lacking.length > 0) return { rows: 0, hash: "" };
    return await countRows(this.#session, `(${rows})`);
  }

  async compare(): Promise<Compared> {
    if (this.#lacking.length > 0) {
      return { faults: [`it has no column ${this.#lacking.join(", ")}`], missing: 0 };
    }
    const missing = `(${this.#expected}) EXCEPT ALL (${this.#actual})`;
    const more = `(${this.#actual}) EXCEPT ALL (${this.#expected})`;
    const faults: string[] = [];
    const missed = await this.#examples(missing);
    if (missed.count > 0) {
      faults.push(`${missed.count} rows are not there as they were sent, as ${missed.shown}`);
    }
    const others = this.extent === "among" ? { count: 0, shown: "" } : await this.#examples(more);
    if (others.count > 0) faults.push(`${others.count} other rows are, as ${others.shown}`);
    if (missed.count > 0 && others.count > 0) faults.push(...await this.#columnsThatDiffer(missing, more));
    if (this.#gone !== undefined) {
      const left = await this.#examples(this.#gone);
      if (left.count > 0) faults.push(`${left.count} rows of deleted keys are still there, as ${left.shown}`);
    }
    const [unread] = this.extent === "all" ? await this.#session.rows(this.#unread) : [];
    if (Number(unread?.["n"] ?? 0) > 0) {
      faults.push(`${unread?.["n"]} rows have values that are none of their columns' types`);
    }
    return { faults, missing: missed.count };
  }

  async #examples(rows: string): Promise<{ readonly count: number; readonly shown: string }> {
    const [counted] = await this.#session.rows(`SELECT count(*) AS n FROM (${rows})`);
    const count = Number(counted?.["n"]);
    if (count === 0) return { count, shown: "" };
    const list = (this.#key.length > 0 ? this.#key.map(quoteIdentifier) : this.#columns).join(", ");
    const examples = await this.#session.rows(
      `SELECT left(CAST(_sluice_row AS VARCHAR), ${MAX_SHOWN}) AS shown
         FROM (SELECT ${list} FROM (${rows}) LIMIT ${MAX_EXAMPLES}) AS _sluice_row`,
    );
    return { count, shown: examples.map(({ shown }) => String(shown)).join(" ") };
  }

  /** In which columns rows of the same key differ. */
  async #columnsThatDiffer(missing: string, more: string): Promise<readonly string[]> {
    if (this.#key.length === 0) return [];
    const match = this.#key.map(quoteIdentifier).map((name) => `m.${name} = o.${name}`).join(" AND ");
    const counts = this.#columns.map((name, i) =>
      `count(*) FILTER (m.${name} IS DISTINCT FROM o.${name}) AS c${i}`
    );
    const [counted] = await this.#session.rows(
      `SELECT ${counts.join(", ")} FROM (${missing}) AS m JOIN (${more}) AS o ON ${match}`,
    );
    const names = this.#columns.filter((_, i) => Number(counted?.[`c${i}`]) > 0);
    return names.length === 0 ? [] : [`they differ in ${names.join(", ")}`];
  }
}

/** The columns by whose values the load's rows are known at the target; none where all rows are its. */
function aboutOf({ mode, primary_key = [], partition_by = [], deletes }: LoadDefinition): readonly string[] {
  if (mode === "delete_insert") return partition_by;
  return (mode === "merge" || mode === "scd2") && deletes === "ignore" ? primary_key : [];
}

const isSame = (names: readonly string[], other: string): string =>
  names.map(quoteIdentifier).map((name) => `a.${name} IS NOT DISTINCT FROM ${other}.${name}`).join(" AND ");

interface Pair {
  readonly expected: string;
  readonly actual: string;
  /** Both are in the type of what is sent. */
  readonly isAsSent: boolean;
  /** Whether a value that is there has no meaning in the type: it would pass for NULL. */
  readonly isUnread?: string;
}

/** A column of both sides in one type: the warehouse's, but where the target's is what its text was read as. */
function pairOf(column: Column, found: Column, texts: TextForms | undefined): Pair {
  const [name, own] = [quoteIdentifier(column.name), quoteIdentifier(found.name)];
  if (column.type === found.type) return { expected: name, actual: `${own} AS ${name}`, isAsSent: true };
  if (column.type === "VARCHAR") {
    const expected = `TRY_CAST(${name} AS ${found.type}) AS ${name}`;
    return { expected, actual: `${own} AS ${name}`, isAsSent: false };
  }
  const value = texts === undefined
    ? `TRY_CAST(${own} AS ${column.type})`
    : triedCast({ text: own, type: column.type, isGiven: true }, {
      decimalSeparator: texts.decimalSeparator,
      thousandsSeparator: texts.thousandsSeparator,
      dateFormat: texts.dateFormat,
      timestampFormat: undefined,
    });
  return {
    expected: name,
    actual: `${value} AS ${name}`,
    isAsSent: true,
    isUnread: `(${own} IS NOT NULL AND ${value} IS NULL)`,
  };
}
