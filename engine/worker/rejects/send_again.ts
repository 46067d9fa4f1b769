import { setTimeout as pauseFor } from "node:timers/promises";
import type { DeliveringDestination } from "../../../contract/connector/destination.ts";
import { AppError } from "../../../contract/errors.ts";
import type { LoadSentAgain, RejectsJob } from "../../../contract/jobs/rejects_job.ts";
import { childTablesBy } from "../../../contract/pipeline/child_tables.ts";
import { type NamedLoad, namedLoads } from "../../../contract/pipeline/named_loads.ts";
import { quoteLiteral } from "../../../contract/sql.ts";
import { setRunVariables } from "../../../sql/build/variables.ts";
import { tablesMadeBy } from "../../../sql/language/files/kinds.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { Connections } from "../connections.ts";
import { deliverRows } from "../deliver.ts";
import { loadIdOf } from "../load.ts";
import { rowsToLoad } from "../loads/rows_to_load.ts";
import { loadedTable } from "../plan.ts";
import { type Points, pointsOf } from "../points.ts";
import type { Reporter } from "../reporter.ts";
import { isThere } from "../verify/kept_rows.ts";
import { expandAsBefore } from "../wildcards/run_tables.ts";
import { rebuildRows, type RebuiltRow } from "./rebuilt_rows.ts";
import { isMeant, type Replayed } from "./replay.ts";

/** So many rows are forgotten at once: a process that dies sends as many again, under the same keys. */
const SETTLED_AT_ONCE = 50;

export interface SendAgainContext {
  readonly connections: Connections;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/**
 * Sends rows of a load that its destination rejected once more, as the load is defined now, each by itself. Those that
 * are taken are rejects no more, in the transaction that notes so; those that are rejected again stay with their new
 * reason and are counted. The key of a row is the same until it is known what became of it. Throws what the destination
 * cannot be reached with, and `invalid` where there is nothing to tell the rows' columns by; what was settled by then
 * stays so.
 */
export async function sendRejectsAgain(
  session: DuckSession,
  job: RejectsJob,
  sent: LoadSentAgain,
  { connections, reporter, signal }: SendAgainContext,
): Promise<Replayed> {
  const { stream: step, positions, dieAt } = job;
  const { target: load, relation } = await loadOf(session, step, sent);
  const columns = await session.describe((await rowsToLoad(session, relation, load)).rows);
  const kept = await session.rows(
    `SELECT id::VARCHAR AS id, coalesce(tries, 0) AS tries, coalesce(position, '') AS position, "row"::VARCHAR AS json
       FROM _sluice.rejects WHERE stream = ? AND ${isMeant(positions)} ORDER BY rejected_at, rowid`,
    [step],
  );
  const { rows, reason } = await rebuildRows(
    session,
    columns,
    kept.map(({ id, tries, position, json }) => ({
      id: String(id),
      tries: Number(tries),
      position: String(position),
      json: typeof json === "string" ? json : null,
    })),
    signal,
  );
  const [first] = rows;
  if (first === undefined) return { replayed: 0, reason };
  const { destination, target } = await connections.destination(load);
  if (destination.kind !== "delivering") {
    throw new AppError("invalid", `"${step}" takes all rows of a load or none: the next run loads them`);
  }
  const log = reporter.logger(step);
  const settlement = new Settlement(session, rows, destination, {
    reach: (point) => pointsOf(dieAt).reach(`replay:${step}`, point),
  });
  const loadId = loadIdOf("rejects", step);
  try {
    await deliverRows(
      {
        signal,
        maxRejects: Number.MAX_SAFE_INTEGER,
        log,
        pause: (ms) => pauseFor(ms, undefined, { signal }),
        onDelivered: (at) => settlement.delivered(at),
        keep: () => Promise.resolve(),
        again: {
          // A key that stood for a row that was rejected stands for that answer, too.
          keyOf: (at) => `${loadId}/${rows[at]?.kept.id}/${rows[at]?.kept.tries}`,
          onRejected: (at, reason) => settlement.rejected(at, reason),
        },
      },
      destination,
      { loadId, target, mode: load.mode, primaryKey: load.primary_key ?? [], run: sent.run, log },
      {
        schema: first.batch.schema,
        rows: rows.length,
        batches: async function* () {
          yield* rows.map(({ batch }) => batch);
        },
        copyTo: () => Promise.reject(new AppError("internal", "These rows are in no table")),
        hash: () => Promise.resolve(null),
      },
    );
    settlement.finished();
  } finally {
    await settlement.settle();
  }
  return { replayed: settlement.taken, reason: settlement.reason ?? reason };
}

/** The load as it is defined now, and what its rows come from. */
async function loadOf(
  session: DuckSession,
  step: string,
  { definition, files, run }: LoadSentAgain,
): Promise<NamedLoad & { readonly relation: string }> {
  const { extract, load, params: definitions } = await expandAsBefore(session, definition);
  const found = namedLoads(load).find((one) => one.step === step);
  if (found === undefined) throw new AppError("not_found", `There is no load "${step}"`);
  const models = new Set(tablesMadeBy(files));
  const { node, relation } = loadedTable(found.table, (name) => models.has(name), childTablesBy(extract));
  if (!await isThere(session, node, found.table)) {
    throw new AppError("invalid", `"${found.table}" has no table in the warehouse: run the pipeline first`);
  }
  const { runId, pipeline, params, windowStartMs, windowEndMs } = run;
  await setRunVariables(session, {
    runId,
    pipeline,
    runStart: new Date(windowEndMs),
    windowStart: windowStartMs === null ? null : new Date(windowStartMs),
    windowEnd: new Date(windowEndMs),
    params,
    definitions,
  });
  return { ...found, relation };
}

/** Notes in the warehouse what became of rows that were sent again. */
class Settlement {
  readonly #session: DuckSession;
  readonly #rows: readonly RebuiltRow[];
  readonly #points: { reach(point: Parameters<Points["reach"]>[1]): void };
  /** A destination that keeps rows back until the end has taken none before. */
  readonly #isAtEnd: boolean;
  readonly #reasons = new Map<number, string>();
  #open: number[] = [];
  #isOver = false;
  #settling: Promise<void> = Promise.resolve();
  taken = 0;

  constructor(
    session: DuckSession,
    rows: readonly RebuiltRow[],
    { finish }: Pick<DeliveringDestination, "finish">,
    points: { reach(point: Parameters<Points["reach"]>[1]): void },
  ) {
    this.#session = session;
    this.#rows = rows;
    this.#isAtEnd = finish !== undefined;
    this.#points = points;
  }

  /** Of the first row that was rejected again, with its position; null where none was. */
  get reason(): string | null {
    const [first] = [...this.#reasons].sort(([one], [other]) => one - other);
    return first === undefined ? null : `${this.#rows[first[0]]?.kept.position}: ${first[1]}`;
  }

  rejected(at: number, reason: string): void {
    this.#reasons.set(at, reason);
  }

  async delivered(at: number): Promise<void> {
    this.#open.push(at);
    this.#points.reach("while staging");
    if (!this.#isAtEnd && this.#open.length >= SETTLED_AT_ONCE) await this.settle();
  }

  finished(): void {
    this.#isOver = true;
  }

  /** Writes what is known and not yet written. */
  async settle(): Promise<void> {
    if (this.#isAtEnd && !this.#isOver) return;
    const settled = this.#open;
    this.#open = [];
    // The session takes one transaction at a time, and deliveries end side by side.
    this.#settling = this.#settling.then(() => this.#write(settled));
    await this.#settling;
  }

  async #write(settled: readonly number[]): Promise<void> {
    if (settled.length === 0) return;
    const taken = settled.filter((at) => !this.#reasons.has(at));
    await this.#session.transaction(async () => {
      if (taken.length > 0) {
        const ids = taken.map((at) => quoteLiteral(this.#rows[at]?.kept.id ?? ""));
        await this.#session.run(`DELETE FROM _sluice.rejects WHERE id::VARCHAR IN (${ids.join(", ")})`);
      }
      for (const at of settled) {
        const reason = this.#reasons.get(at);
        if (reason === undefined) continue;
        await this.#session.run(
          `UPDATE _sluice.rejects SET reason = ?, tries = coalesce(tries, 0) + 1, rejected_at = now()
            WHERE id = ?::UUID`,
          [reason, this.#rows[at]?.kept.id ?? ""],
        );
      }
      this.#points.reach("before commit");
    });
    this.taken += taken.length;
    this.#points.reach("after commit");
  }
}
