import type { RecordBatch } from "apache-arrow";
import type { Source, StreamRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { LoadDefinition } from "../../../contract/pipeline/load.ts";
import { loadShapeOf } from "../../../contract/pipeline/load.ts";
import { type Column, findColumn, quoteIdentifier } from "../../../contract/sql.ts";
import { ingest } from "../../duckdb/into/ingest.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { RowsToLoad } from "./rows_to_load.ts";

const BACK = "_sluice_back";
const MAX_EXAMPLES = 3;
const MAX_SHOWN = 200;
/** Types whose values a system may write in another way, as JSON with its keys sorted. */
const NOT_COMPARED = /^(?:JSON|INTERVAL|STRUCT|MAP|UNION)\b|\[\d*\]$/;

export interface VerifyContext {
  readonly session: DuckSession;
  readonly signal: AbortSignal;
  readonly load: LoadDefinition;
  /** Heads messages, as `t of warehouse`. */
  readonly subject: string;
}

export interface Verified {
  /** Rows that the target has. */
  readonly rows: number;
  /** Columns that were left out, since systems write their values in ways of their own. */
  readonly notCompared: readonly string[];
}

/**
 * Reads the target back and compares it with the rows that were to be loaded, in the warehouse's types: all of
 * it in a `replace` and where a merge deletes what is missing, else what the load is about (its keys, partitions,
 * current versions; of an `append` that its rows are there). Throws `conflict` with what differs.
 */
export async function verifyLoad(
  { session, signal, load, subject }: VerifyContext,
  source: Source,
  request: StreamRequest,
  chosen: RowsToLoad,
): Promise<Verified> {
  try {
    await readBack(session, source, request, signal);
    const found = await session.describe(`SELECT * FROM temp.${BACK}`);
    const columns = await session.describe(chosen.rows);
    const lacking = columns.filter(({ name }) => findColumn(found, name) === undefined);
    if (lacking.length > 0) {
      throw differs(subject, `it has no column ${lacking.map(({ name }) => name).join(", ")}`);
    }
    const compared = columns.filter(({ type }) => !NOT_COMPARED.test(type));
    const comparison = new Comparison(compared, found, load, chosen);
    await comparison.check(session, subject);
    const [counted] = await session.rows(`SELECT count(*) AS n FROM temp.${BACK}`);
    return {
      rows: Number(counted?.["n"]),
      notCompared: columns.filter((column) => !compared.includes(column)).map(({ name }) => name),
    };
  } finally {
    await session.run(`DROP TABLE IF EXISTS temp.${BACK}`);
  }
}

async function readBack(
  session: DuckSession,
  source: Source,
  request: StreamRequest,
  signal: AbortSignal,
): Promise<void> {
  const scan = await source.scan?.(request, signal);
  if (scan !== undefined) {
    await using prepared = await scan.prepare?.(signal);
    await session.run(
      `CREATE OR REPLACE TEMP TABLE ${BACK} AS SELECT * FROM ${prepared?.relation ?? scan.relation}`,
    );
    return await scan.verify();
  }
  let isMade = false;
  for await (const message of source.read({ streams: [request] }, signal)) {
    if (message.type !== "rows") continue;
    if (!isMade) {
      const definitions = session.columnsOf(message.batch.schema)
        .map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(", ");
      await session.run(`CREATE OR REPLACE TEMP TABLE ${BACK} (${definitions})`);
      isMade = true;
    }
    await ingest(session, { schema: "temp", name: BACK }, once(message.batch), { signal });
  }
}

async function* once(batch: RecordBatch): AsyncIterable<RecordBatch> {
  yield await Promise.resolve(batch);
}

/** Both sides as SQL, in the same columns and types. */
class Comparison {
  readonly #key: readonly string[];
  readonly #columns: readonly string[];
  readonly #expected: string;
  readonly #actual: string;
  readonly #gone: string | undefined;
  readonly #isAppend: boolean;

  constructor(
    columns: readonly Column[],
    found: readonly Column[],
    load: LoadDefinition,
    { rows, gone }: RowsToLoad,
  ) {
    const { mode, primary_key: key = [], partition_by: partitionBy = [], deletes } = load;
    const pairs = columns.map((column) => pairOf(column, findColumn(found, column.name) ?? column));
    this.#columns = columns.map(({ name }) => quoteIdentifier(name));
    this.#expected = `SELECT ${pairs.map(({ expected }) => expected).join(", ")} FROM (${rows})`;
    const { history } = loadShapeOf(load, 0);
    const current = history === undefined ? "true" : `CAST(${quoteIdentifier(history.isCurrent)} AS BOOLEAN)`;
    const all = `SELECT ${
      pairs.map(({ actual }) => actual).join(", ")
    } FROM temp.${BACK} AS back WHERE ${current}`;
    const about = mode === "delete_insert"
      ? partitionBy
      : (mode === "merge" || mode === "scd2") && deletes === "ignore"
      ? key
      : [];
    const isSame = (names: readonly string[], other: string) =>
      names.map(quoteIdentifier).map((name) => `a.${name} IS NOT DISTINCT FROM ${other}.${name}`).join(
        " AND ",
      );
    this.#actual = about.length === 0
      ? all
      : `SELECT a.* FROM (${all}) AS a SEMI JOIN (${this.#expected}) AS e ON ${isSame(about, "e")}`;
    this.#gone = gone === undefined
      ? undefined
      : `SELECT a.* FROM (${all}) AS a SEMI JOIN (${gone}) AS g ON ${isSame(key, "g")}`;
    this.#key = key;
    this.#isAppend = mode === "append";
  }

  /** Throws `conflict` where the two differ. */
  async check(session: Pick<DuckSession, "rows">, subject: string): Promise<void> {
    const missing = `(${this.#expected}) EXCEPT ALL (${this.#actual})`;
    const more = `(${this.#actual}) EXCEPT ALL (${this.#expected})`;
    const faults: string[] = [];
    const missed = await this.#examples(session, missing);
    if (missed.count > 0) {
      faults.push(`${missed.count} rows are not there as they were sent, as ${missed.shown}`);
    }
    const others = this.#isAppend ? { count: 0, shown: "" } : await this.#examples(session, more);
    if (others.count > 0) faults.push(`${others.count} other rows are, as ${others.shown}`);
    if (missed.count > 0 && others.count > 0) {
      faults.push(...await this.#columnsThatDiffer(session, missing, more));
    }
    if (this.#gone !== undefined) {
      const left = await this.#examples(session, this.#gone);
      if (left.count > 0) faults.push(`${left.count} rows of deleted keys are still there, as ${left.shown}`);
    }
    if (faults.length > 0) throw differs(subject, faults.join("; "));
  }

  async #examples(
    session: Pick<DuckSession, "rows">,
    rows: string,
  ): Promise<{ readonly count: number; readonly shown: string }> {
    const [counted] = await session.rows(`SELECT count(*) AS n FROM (${rows})`);
    const count = Number(counted?.["n"]);
    if (count === 0) return { count, shown: "" };
    const list = (this.#key.length > 0 ? this.#key.map(quoteIdentifier) : this.#columns).join(", ");
    const examples = await session.rows(
      `SELECT left(CAST(_sluice_row AS VARCHAR), ${MAX_SHOWN}) AS shown
         FROM (SELECT ${list} FROM (${rows}) LIMIT ${MAX_EXAMPLES}) AS _sluice_row`,
    );
    return { count, shown: examples.map(({ shown }) => String(shown)).join(" ") };
  }

  /** In which columns rows of the same key differ. */
  async #columnsThatDiffer(
    session: Pick<DuckSession, "rows">,
    missing: string,
    more: string,
  ): Promise<readonly string[]> {
    if (this.#key.length === 0) return [];
    const match = this.#key.map(quoteIdentifier).map((name) => `m.${name} = o.${name}`).join(" AND ");
    const counts = this.#columns.map((name, i) =>
      `count(*) FILTER (m.${name} IS DISTINCT FROM o.${name}) AS c${i}`
    );
    const [counted] = await session.rows(
      `SELECT ${counts.join(", ")} FROM (${missing}) AS m JOIN (${more}) AS o ON ${match}`,
    );
    const names = this.#columns.filter((_, i) => Number(counted?.[`c${i}`]) > 0);
    return names.length === 0 ? [] : [`they differ in ${names.join(", ")}`];
  }
}

/** A column of both sides in one type: the warehouse's, but where the target's is what its text was read as. */
function pairOf(column: Column, found: Column): { readonly expected: string; readonly actual: string } {
  const [name, own] = [quoteIdentifier(column.name), quoteIdentifier(found.name)];
  if (column.type === found.type) return { expected: name, actual: `${own} AS ${name}` };
  if (column.type === "VARCHAR") {
    return { expected: `TRY_CAST(${name} AS ${found.type}) AS ${name}`, actual: `${own} AS ${name}` };
  }
  return { expected: name, actual: `TRY_CAST(${own} AS ${column.type}) AS ${name}` };
}

function differs(subject: string, what: string): AppError {
  return new AppError(
    "conflict",
    `${subject} does not hold what was loaded: ${what}. The load itself is done; see who else writes there, ` +
      "or load it anew",
    { reason: "not_verified" },
  );
}
