import type { LoadDefinition } from "../../../contract/pipeline/load.ts";
import { type Column, quoteIdentifier } from "../../../contract/sql.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { TargetSource } from "../connections.ts";
import { type Counted, countRows } from "../load.ts";
import { readBack } from "./read_back.ts";
import { isCompared, readAs, type ReadRows } from "./read_values.ts";
import type { RowsToLoad } from "./rows_to_load.ts";

const MAX_EXAMPLES = 3;
const MAX_SHOWN = 200;

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
  readonly #session: DuckSession;
  readonly #lacking: readonly string[];
  readonly #key: readonly string[];
  readonly #columns: readonly string[];
  readonly #expected: string;
  readonly #actual: string;
  readonly #gone: string | undefined;
  readonly #unread: number;

  private constructor(
    session: DuckSession,
    columns: readonly Column[],
    load: LoadDefinition,
    { rows, gone }: RowsToLoad,
    { pairs, lacking, all, unread }: ReadRows,
  ) {
    this.#session = session;
    this.#lacking = lacking;
    this.notCompared = columns.filter((column) => !isCompared(column)).map(({ name }) => name);
    this.hashesAsSent = this.notCompared.length === 0 && pairs.every(({ isAsSent }) => isAsSent);
    this.#columns = pairs.map(({ name }) => name);
    this.#expected = `SELECT ${
      pairs.map(({ name, expected }) => `${expected} AS ${name}`).join(", ")
    } FROM (${rows})`;
    const { primary_key: key = [] } = load;
    const about = aboutOf(load);
    this.extent = load.mode === "append" ? "among" : about.length === 0 ? "all" : "part";
    this.#actual = about.length === 0
      ? all
      : `SELECT a.* FROM (${all}) AS a SEMI JOIN (${this.#expected}) AS e ON ${isSame(about, "e")}`;
    this.#gone = gone === undefined
      ? undefined
      : `SELECT a.* FROM (${all}) AS a SEMI JOIN (${gone}) AS g ON ${isSame(key, "g")}`;
    this.#unread = unread;
    this.#key = key;
  }

  /**
   * Reads the target back first. Expressions of `chosen` are run as they are, several times. Throws what reading
   * throws; whoever calls forgets what was read, see `forgetBack`.
   */
  static async of(
    session: DuckSession,
    load: LoadDefinition,
    chosen: RowsToLoad,
    target: TargetSource,
    signal: AbortSignal,
  ): Promise<Comparison> {
    const columns = await session.describe(chosen.rows);
    await readBack(session, target, columns, signal);
    const read = await readAs(session, load, columns, target.texts);
    return new Comparison(session, columns, load, chosen, read);
  }

  /** Whether equal rows are not all that is to be looked at. */
  get leavesWork(): boolean {
    return this.#lacking.length > 0 || this.#gone !== undefined || this.#unread > 0;
  }

  /**
   * How many rows are sent, and their hash in the columns that are compared; `asSent` is the same in all columns, as
   * they are sent.
   */
  async expected(asSent: Counted): Promise<Counted> {
    const isKnown = this.hashesAsSent && this.#lacking.length === 0;
    return isKnown ? asSent : await this.#count(this.#expected);
  }

  /** The same of the target's rows that the load is about. Of an append: of all. */
  async found(): Promise<Counted> {
    return await this.#count(this.#actual);
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
    if (this.#unread > 0 && this.extent === "all") {
      faults.push(`${this.#unread} rows have values that are none of their columns' types`);
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
