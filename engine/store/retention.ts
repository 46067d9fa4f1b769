import { type SQL, sql } from "drizzle-orm";
import { type Database, storing } from "./database.ts";
import type { RetentionStore } from "./ports/retention.ts";

/** A step takes no longer than this many rows do: whoever else writes waits for it. */
const ROWS_A_STEP = 2_000;
/** Each with its events. */
const DELIVERIES_A_STEP = 200;
/** Each with its body, which may have some megabytes. */
const MESSAGES_A_STEP = 20;
/** Each with its files, which may be long. */
const REVISIONS_A_STEP = 20;

export function createRetention(db: Database): RetentionStore {
  const remove = async (action: string, statement: SQL) =>
    (await storing(action, db.run(statement))).rowsAffected;
  return {
    // Its attempts, steps, lines and slots go with it: they refer to it.
    forgetRuns: ({ pipeline, beforeMs, keepNewest, keepAtMost, limit }) =>
      remove(
        `forget old runs of "${pipeline}"`,
        sql`
          delete from runs where seq in (
            select seq from runs
            where pipeline = ${pipeline} and state in ('succeeded', 'failed', 'cancelled')
              and seq < ${seqOfNewest(pipeline, keepNewest)}
              and (created_at < ${beforeMs} or seq <= ${seqOfNewest(pipeline, keepAtMost + 1)})
              and seq <> coalesce(${lastWindow(pipeline)}, -1)
            order by seq limit ${limit}
          )
        `,
      ),

    async forgetMessages(beforeMs) {
      const outbox = sql`
        delete from outbox
        where seq < (select min(seq) + ${ROWS_A_STEP} from outbox) and created_at < ${beforeMs}
          and seq <= coalesce((select min(seq) from outbox_cursors), seq)
      `;
      const inbox = sql`
        delete from inbox where seq in (
          select seq from inbox where settled_at < ${beforeMs} order by settled_at limit ${MESSAGES_A_STEP}
        )
      `;
      // What is open, and what waits to be sent, stays.
      const problems = sql`
        delete from problems where id in (
          select id from problems where closed_at < ${beforeMs} limit ${ROWS_A_STEP}
        )
      `;
      const deliveries = sql`
        delete from deliveries where id in (
          select id from deliveries where ended_at < ${beforeMs} limit ${DELIVERIES_A_STEP}
        )
      `;
      let count = 0;
      for (const statement of [outbox, inbox, problems, deliveries]) {
        count += await remove("forget old messages", statement);
      }
      return count;
    },

    forgetIssuedTokens: (nowMs) =>
      remove(
        "forget issued tokens",
        sql`
          delete from issued_tokens where hash in (
            select hash from issued_tokens where expires_at <= ${nowMs} order by expires_at limit ${ROWS_A_STEP}
          )
        `,
      ),

    forgetKeys: (beforeMs) =>
      remove(
        "forget old idempotency keys",
        sql`
          update runs set idempotency_key = null, request_hash = null where seq in (
            select seq from runs indexed by runs_keys
            where idempotency_key is not null and instr(idempotency_key, ' ') = 0 and created_at < ${beforeMs}
            limit ${ROWS_A_STEP}
          )
        `,
      ),

    async forgetRevisions({ nowMs, unusedBeforeMs }) {
      const action = "forget unused revisions";
      const [, , gone] = await storing(
        action,
        db.batch([
          db.run(sql`update revisions set unused_since = null where unused_since is not null and ${IS_USED}`),
          db.run(
            sql`update revisions set unused_since = ${nowMs} where unused_since is null and not ${IS_USED}`,
          ),
          db.run(sql`
            delete from revisions where id in (
              select id from revisions where unused_since < ${unusedBeforeMs} limit ${REVISIONS_A_STEP}
            )
          `),
        ]),
      );
      if (gone.rowsAffected > 0) {
        await remove(
          action,
          sql`delete from files where not exists (select 1 from revision_files where hash = files.hash)`,
        );
      }
      return gone.rowsAffected;
    },
  };
}

/** Whether a pipeline or a run goes by the revision. */
const IS_USED = sql`(
  exists (select 1 from pipelines where pipelines.revision = revisions.id)
    or exists (select 1 from runs where runs.revision = revisions.id)
)`;

/** The seq of the pipeline's run at this place, counted from the newest as 1; -1 where it has fewer. */
function seqOfNewest(pipeline: string, place: number): SQL {
  return sql`coalesce((
    select seq from runs where pipeline = ${pipeline} order by seq desc limit 1 offset ${place - 1}
  ), -1)`;
}

/** The run from whose window the next one goes on. */
function lastWindow(pipeline: string): SQL {
  return sql`(
    select seq from runs where pipeline = ${pipeline} and state = 'succeeded' and window_given = 0
      and selection is null
    order by window_end desc limit 1
  )`;
}
