import { setImmediate } from "node:timers";
import { type SQL, sql } from "drizzle-orm";
import { toAppError } from "../../../contract/errors.ts";
import type { AttemptState, Run, RunState } from "../../../contract/run.ts";
import { type Database, storing } from "../database.ts";
import type { AttemptStore, Lease, RunOutcome } from "../ports/runs.ts";
import { runOf, storableText } from "../rows.ts";
import { notes, target } from "../run_changes.ts";
import { runs } from "../schema.ts";

/** Others that write wait for them. */
const MAX_AT_ONCE = 100;

/** The end of an attempt, guarded by its lease. */
interface End {
  readonly lease: Lease;
  readonly outcome: RunOutcome;
  readonly attemptState: AttemptState;
  readonly runState: RunState;
  readonly finishedAtMs: number | null;
  readonly notBeforeMs: number | null;
  /** Else the run has not started: its next attempt does. */
  readonly keepsStart: boolean;
}

interface WaitingEnd extends End {
  readonly resolve: (run: Run | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** The ends of attempts, see `AttemptStore`: those that come in the same turn of the event loop are one transaction. */
export function endsOf(db: Database): Pick<AttemptStore, "finish" | "requeue"> {
  let waiting: WaitingEnd[] = [];
  let isFlushing = false;
  const flush = async () => {
    while (waiting.length > 0) {
      await new Promise<void>((resolve) => void setImmediate(resolve));
      const [group, rest] = split(waiting);
      waiting = rest;
      await endEach(db, group);
    }
    isFlushing = false;
  };
  const end = (given: End): Promise<Run | undefined> =>
    new Promise((resolve, reject) => {
      waiting.push({ ...given, resolve, reject });
      if (isFlushing) return;
      isFlushing = true;
      void flush();
    });
  return {
    finish(lease, event, outcome) {
      const state = target("running", event);
      if (state === "queued" || state === "running") throw new TypeError(`${event} does not end a run`);
      return end({
        lease,
        outcome,
        attemptState: outcome.attemptState ?? state,
        runState: state,
        finishedAtMs: outcome.atMs,
        notBeforeMs: null,
        keepsStart: true,
      });
    },

    requeue: (lease, notBeforeMs, outcome) =>
      end({
        lease,
        outcome,
        attemptState: outcome.attemptState ?? "failed",
        runState: target("running", "requeue"),
        finishedAtMs: null,
        notBeforeMs,
        keepsStart: false,
      }),
  };
}

/** Those to end at once: of each run one, since the second must see what the first has done. */
function split(waiting: readonly WaitingEnd[]): [group: WaitingEnd[], rest: WaitingEnd[]] {
  const named = new Set<string>();
  const group: WaitingEnd[] = [];
  const rest: WaitingEnd[] = [];
  for (const end of waiting) {
    const isNext = group.length < MAX_AT_ONCE && !named.has(end.lease.run);
    named.add(end.lease.run);
    (isNext ? group : rest).push(end);
  }
  return [group, rest];
}

/** Where one cannot be written, the others are. Never rejects. */
async function endEach(db: Database, group: readonly WaitingEnd[]): Promise<void> {
  try {
    const ended = await endAtOnce(db, group);
    for (const { lease, resolve } of group) resolve(ended.get(lease.run));
  } catch (error) {
    if (group.length === 1 || toAppError(error).code === "unavailable") {
      for (const { reject } of group) reject(error);
      return;
    }
    for (const one of group) await endEach(db, [one]);
  }
}

/** By run, those whose lease was held. */
async function endAtOnce(db: Database, group: readonly End[]): Promise<ReadonlyMap<string, Run>> {
  const [first] = group;
  const ends = endsTable(group);
  const [ended, , , , found] = await storing(
    group.length === 1
      ? `write the end of run ${first?.lease.run}`
      : `write the ends of ${group.length} runs`,
    db.batch([
      db.all<{ id: string }>(endRuns(ends)),
      db.run(
        sql`${ends} ${notes(sql`ends cross join runs on runs.id = ends.run where ${IS_HELD}`, sql`ends.at`)}`,
      ),
      db.run(endAttempts(ends)),
      db.run(freeSlots(ends)),
      db.select().from(runs).where(
        sql`${runs.id} in (select value from json_each(${
          JSON.stringify(group.map(({ lease }) => lease.run))
        }))`,
      ),
    ]),
  );
  const rows = new Map(found.map((row) => [row.id, row]));
  return new Map(ended.flatMap(({ id }): [string, Run][] => {
    const row = rows.get(id);
    return row === undefined ? [] : [[id, runOf(row)]];
  }));
}

const textOf = (text: string | null = null): string | null => text === null ? null : storableText(text);

const COLUMNS = [
  "run",
  "attempt",
  "worker",
  "until",
  "attempt_state",
  "state",
  "at",
  "finished_at",
  "not_before",
  "keeps_start",
  "reason",
  "error",
  "rows_extracted",
  "rows_loaded",
  "warnings",
  "peak_rss_bytes",
  "cancelled_by",
] as const;

/** `ends`, a table for the statement that follows. */
function endsTable(group: readonly End[]): SQL {
  const rows = group.map((end): Record<(typeof COLUMNS)[number], unknown> => ({
    run: end.lease.run,
    attempt: end.lease.attempt,
    worker: end.lease.worker,
    until: end.lease.untilMs ?? null,
    attempt_state: end.attemptState,
    state: end.runState,
    at: end.outcome.atMs,
    finished_at: end.finishedAtMs,
    not_before: end.notBeforeMs,
    keeps_start: end.keepsStart,
    reason: textOf(end.outcome.reason),
    error: end.outcome.error === null ? null : JSON.stringify(end.outcome.error),
    rows_extracted: end.outcome.rowsExtracted,
    rows_loaded: end.outcome.rowsLoaded,
    warnings: end.outcome.warnings,
    peak_rss_bytes: end.outcome.peakRssBytes,
    cancelled_by: textOf(end.outcome.cancelledBy),
  }));
  const columns = sql.raw(COLUMNS.map((name) => `value ->> '${name}' as ${name}`).join(", "));
  return sql`with ends as materialized (select ${columns} from json_each(${JSON.stringify(rows)}))`;
}

/** Whether the lease of the row of `ends` is still held; no statement changes that before `endAttempts`. */
const IS_HELD = sql`exists (
  select 1 from attempts as held
  where held.run = ends.run and held.attempt = ends.attempt and held.worker = ends.worker and held.ended_at is null
    and held.lease_until = coalesce(ends.until, held.lease_until)
)`;

const endRuns = (ends: SQL): SQL =>
  sql`
    ${ends}
    update runs set state = ends.state, reason = ends.reason, error = ends.error,
      rows_extracted = ends.rows_extracted, rows_loaded = ends.rows_loaded, warnings = ends.warnings,
      peak_rss_bytes = ends.peak_rss_bytes, cancelled_by = ends.cancelled_by, owner = null,
      not_before = ends.not_before, finished_at = ends.finished_at,
      started_at = iif(ends.keeps_start, runs.started_at, null)
    from ends where runs.id = ends.run and runs.attempt = ends.attempt and ${IS_HELD}
    returning id
  `;

const endAttempts = (ends: SQL): SQL =>
  sql`
    ${ends}
    update attempts set state = ends.attempt_state, ended_at = ends.at, error = ends.error,
      peak_rss_bytes = ends.peak_rss_bytes
    from ends
    where attempts.run = ends.run and attempts.attempt = ends.attempt and attempts.worker = ends.worker
      and attempts.ended_at is null and attempts.lease_until = coalesce(ends.until, attempts.lease_until)
  `;

/** Of attempts that are over, whoever ended them. */
const freeSlots = (ends: SQL): SQL =>
  sql`
    ${ends}
    delete from limit_holders where (run, attempt) in (
      select run, attempt from ends where not exists (
        select 1 from attempts as held
        where held.run = ends.run and held.attempt = ends.attempt and held.ended_at is null
      )
    )
  `;
