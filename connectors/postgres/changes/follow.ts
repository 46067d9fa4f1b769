import type { FollowMessage } from "../../../contract/connector/changes.ts";
import type { FollowRequest } from "../../../contract/connector/source.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { toPostgresError } from "../errors.ts";
import type { PostgresStream } from "../options.ts";
import type { ReadContext } from "../read/plan.ts";
import type { SessionPool } from "../session_pool.ts";
import type { Session } from "../session/session.ts";
import { stateOf } from "./followed_table.ts";
import { LogFollower } from "./log_follower.ts";
import { type Preparation, prepare, type Snapshot } from "./prepare.ts";
import { progressOf } from "./slot_progress.ts";
import { readSnapshot } from "./snapshot.ts";

/**
 * Follows tables by a logical replication slot. New ones are read as they are at the place in the log where
 * their changes begin. The slot moves on only when the next message is asked for after a `commit`.
 */
export async function* follow(
  pool: SessionPool,
  request: FollowRequest<PostgresStream>,
  context: ReadContext,
  signal: AbortSignal,
): AsyncGenerator<FollowMessage, void, undefined> {
  const action = `Cannot follow the changes of ${context.name}`;
  const replication = await openReplication(pool, context, signal);
  using _cancelling = replication.cancelOn(signal);
  try {
    const prepared = await pool.use(
      action,
      signal,
      (session) => prepare(session, replication, request, context),
    );
    for (const message of prepared.notes) yield { type: "log", level: "warn", message };
    const { status, slot } = prepared;
    if (status !== undefined) {
      yield { type: "progress", progress: progressOf({ slot: slot.name, status, options: slot.options }) };
    }
    const positions = new Map(prepared.tables.map(({ name, before }) => [name, before?.position ?? 0n]));
    if (prepared.snapshot !== undefined) {
      yield* takeSnapshots(pool, prepared, prepared.snapshot, positions, signal, context);
    }
    await prepared.endSnapshot();
    yield* new LogFollower(pool, prepared, positions, signal).run(replication);
  } catch (error) {
    if (signal.aborted) throw toAppError(signal.reason);
    throw toPostgresError(action, error);
  } finally {
    await replication.close();
  }
}

const NOT_ALLOWED = /replication/i;

async function openReplication(
  pool: SessionPool,
  { name }: ReadContext,
  signal: AbortSignal,
): Promise<Session> {
  try {
    return await pool.replication(signal);
  } catch (error) {
    const failure = toAppError(error);
    if (failure.code !== "forbidden" || !NOT_ALLOWED.test(failure.message)) throw failure;
    throw new AppError(
      "forbidden",
      `Cannot follow the changes of ${name}: its user may not replicate; run ALTER ROLE … REPLICATION; (or, where ` +
        "the provider has it so, GRANT rds_replication TO …;)",
      { cause: error },
    );
  }
}

async function* takeSnapshots(
  pool: SessionPool,
  prepared: Preparation,
  { consistentPoint, name }: Snapshot,
  positions: Map<string, bigint>,
  signal: AbortSignal,
  context: ReadContext,
): AsyncGenerator<FollowMessage, void, undefined> {
  await using lease = await pool.lease(signal);
  for (const { table, reason } of prepared.toRead) {
    yield { type: "snapshot", stream: table.name, reason };
    yield* readSnapshot(lease.session, table, name, context);
    positions.set(table.name, consistentPoint);
    yield { type: "commit", states: { [table.name]: stateOf(table.facts, consistentPoint) }, isLast: false };
  }
}
