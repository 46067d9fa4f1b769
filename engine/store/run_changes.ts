import { getTableColumns, type SQL, sql } from "drizzle-orm";
import { AppError } from "../../contract/errors.ts";
import type { RunState } from "../../contract/run.ts";
import { nextState, type RunStateEvent } from "../../contract/run_state.ts";
import type { Lease } from "./ports/runs.ts";
import { attempts, outbox, runs } from "./schema.ts";

/** What every change of a run's state is made of: its target, its guard and its note in the outbox. */

/** The state that `event` leads to. A pair that run_state.ts forbids is a fault of the caller. */
export function target(from: RunState, event: RunStateEvent): RunState {
  const to = nextState(from, event);
  if (to === null) throw new AppError("internal", `A run that is ${from} cannot ${event}`);
  return to;
}

/** Whether the lease is still held: an attempt that was ended or taken away writes nothing more. */
export function isHeld(lease: Lease): SQL {
  return sql`exists (select 1 from ${attempts} where ${isAttemptOf(lease)})`;
}

/** The row of an attempt while its lease is held. */
export function isAttemptOf({ run, attempt, worker, untilMs }: Lease): SQL {
  const isSame = sql`${attempts.run} = ${run} and ${attempts.attempt} = ${attempt}
    and ${attempts.worker} = ${worker} and ${attempts.endedAtMs} is null`;
  return untilMs === undefined ? isSame : sql`${isSame} and ${attempts.leaseUntilMs} = ${untilMs}`;
}

/** Whether the statement before this one, of the same batch, changed a row. */
export const HAS_CHANGED = sql`changes() > 0`;

/**
 * The note in the outbox of a change that the statement before this one made or did not make: the run
 * as it is now, without what an error has to say in detail.
 */
export const noteChange = (run: SQL, nowMs: number): SQL =>
  notes(sql`${runs} where ${HAS_CHANGED} and ${runs.id} = ${run}`, sql`${nowMs}`);

/** The notes of these runs, by a select of their ids, as they are now: each was changed in this batch. */
export const noteChanges = (ids: SQL, atMs: SQL): SQL =>
  notes(sql`${runs} where ${runs.id} in ${ids} order by ${runs.seq}`, atMs);

/** The same of what a join with `runs` finds. */
export function notes(from: SQL, atMs: SQL): SQL {
  return sql`
    insert into ${outbox} (kind, run, payload, created_at) select 'run', ${runs.id}, ${PAYLOAD}, ${atMs} from ${from}
  `;
}

/** The row under the names of its properties, so that what is read back is a row again. */
const PAYLOAD = sql`json_object(${
  sql.join(
    Object.entries(getTableColumns(runs)).map(([property, column]) => {
      const name = sql.raw(`'${property}'`);
      if (column === runs.error) return sql`${name}, json_remove(json(${column}), '$.detail')`;
      if (column.dataType === "json") return sql`${name}, json(${column})`;
      if (column.dataType === "boolean") return sql`${name}, json(iif(${column}, 'true', 'false'))`;
      return sql`${name}, ${column}`;
    }),
    sql`, `,
  )
})`;
