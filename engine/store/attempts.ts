import { and, count, eq, isNull, ne, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { type Database, storing } from "./database.ts";
import { runOf, stepRowOf } from "./rows.ts";
import { isHeld } from "./run_changes.ts";
import { claimRuns } from "./queue/claims.ts";
import { endsOf } from "./queue/ends.ts";
import { attempts, limits, runs } from "./schema.ts";
import type { AttemptStore, Lease } from "./ports/runs.ts";

/** One JSON value holds this many steps: far from any limit of SQLite's. */
const STEPS_PER_STATEMENT = 500;

export function createAttemptStore(db: Database): AttemptStore {
  return { ...leasesOf(db), ...endsOf(db), ...stepsOf(db) };
}

/** Taking runs and keeping them. */
function leasesOf(
  db: Database,
): Pick<AttemptStore, "claim" | "renew" | "setSlots" | "isOvertaken" | "countOf" | "ofOthers"> {
  return {
    claim: (claim) => claimRuns(db, claim),

    async renew(worker, nowMs, leaseUntilMs) {
      const mine = and(eq(attempts.worker, worker), sql`${attempts.endedAtMs} is null`);
      const [, held] = await storing(
        "renew the leases",
        db.batch([
          db.update(attempts).set({ heartbeatMs: nowMs, leaseUntilMs }).where(mine),
          db.select({ run: attempts.run, attempt: attempts.attempt, cancelAskedBy: runs.cancelAskedBy })
            .from(attempts).innerJoin(runs, eq(runs.id, attempts.run)).where(mine),
        ]),
      );
      return held;
    },

    async setSlots(slots) {
      const rows = Object.entries(slots).map(([name, count]) => ({ name, slots: count }));
      if (rows.length === 0) return;
      const upsert = db.insert(limits).values(rows)
        .onConflictDoUpdate({ target: limits.name, set: { slots: sql`excluded.slots` } });
      await storing("write the limits of runs", upsert);
    },

    async isOvertaken(runId) {
      // By the order of attempts, whatever the clocks say: only those that came later are looked at.
      const first = sql`(select min(mine.seq) from attempts as mine where mine.run = ${runId})`;
      const query = db.select({ seq: attempts.seq }).from(attempts)
        .innerJoin(runs, eq(runs.id, attempts.run))
        .where(and(
          sql`${attempts.seq} > ${first}`,
          ne(attempts.run, runId),
          sql`${runs.pipeline} = (select pipeline from runs as asked where asked.id = ${runId})`,
        )).limit(1);
      return (await storing(`read the attempts after run ${runId}`, query)).length > 0;
    },

    async countOf(runId, state) {
      const query = db.select({ count: count() }).from(attempts)
        .where(and(eq(attempts.run, runId), eq(attempts.state, state)));
      return (await storing(`read the attempts of run ${runId}`, query))[0]?.count ?? 0;
    },

    async ofOthers(worker) {
      // From the few runs under way to their attempts: no index finds what is open and not one's own.
      const query = db.select().from(runs)
        .innerJoin(attempts, and(eq(attempts.run, runs.id), eq(attempts.attempt, runs.attempt)))
        .where(and(eq(runs.state, "running"), isNull(attempts.endedAtMs), ne(attempts.worker, worker)))
        .orderBy(attempts.seq);
      return (await storing("read the attempts under way", query)).map((found) => ({
        run: runOf(found.runs),
        lease: { run: found.runs.id, attempt: found.attempts.attempt, worker: found.attempts.worker },
        leaseUntilMs: found.attempts.leaseUntilMs,
        cancelAskedBy: found.runs.cancelAskedBy,
      }));
    },
  };
}

const STEP_COLUMNS = [
  "name",
  "kind",
  "state",
  "rows",
  "size_bytes",
  "started_at",
  "finished_at",
  "duration_ms",
  "error",
  "sql",
  "depends",
  "receipt",
] as const;

function stepsOf(db: Database): Pick<AttemptStore, "putSteps"> {
  const columns = sql.raw(STEP_COLUMNS.join(", "));
  const values = sql.raw(STEP_COLUMNS.map((name) => `value ->> '${name}'`).join(", "));
  const changes = sql.raw(
    STEP_COLUMNS.filter((name) => name !== "name").map((name) => `${name} = excluded.${name}`).join(", "),
  );
  const upsert = (lease: Lease, rows: readonly unknown[]) =>
    db.run(sql`
      insert into step_runs (run, attempt, ${columns})
      select ${lease.run}, ${lease.attempt}, ${values} from json_each(${JSON.stringify(rows)})
      where ${isHeld(lease)}
      on conflict (run, attempt, name) do update set ${changes}
    `);
  return {
    async putSteps(lease, steps) {
      const rows = steps.map(stepRowOf);
      const upserts: BatchItem<"sqlite">[] = [];
      for (let at = 0; at < rows.length; at += STEPS_PER_STATEMENT) {
        upserts.push(upsert(lease, rows.slice(at, at + STEPS_PER_STATEMENT)));
      }
      const [held] = await storing(
        `write the steps of run ${lease.run}`,
        db.batch([db.select({ isHeld: sql<number>`${isHeld(lease)}` }).from(sql`(select 1)`), ...upserts]),
      );
      return held[0]?.isHeld === 1;
    },
  };
}
