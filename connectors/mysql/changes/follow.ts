import type { FollowMessage, FollowProgress } from "../../../contract/connector/changes.ts";
import type { FollowRequest } from "../../../contract/connector/source.ts";
import { toAppError } from "../../../contract/errors.ts";
import { toMysqlError } from "../errors.ts";
import type { MysqlStream } from "../options.ts";
import type { ReadContext } from "../read/plan.ts";
import type { SessionPool } from "../session_pool.ts";
import { Follower } from "./follower.ts";
import { lookAtKept } from "./log/kept_log.ts";
import { parsePlace } from "./log/place.ts";
import { prepare } from "./prepare.ts";

/**
 * Follows tables by the server's binary log, read as a replica reads it. New ones are read as they are at one
 * place in the log. The server keeps nothing for it.
 */
export async function* follow(
  pool: SessionPool,
  request: FollowRequest<MysqlStream>,
  context: ReadContext,
  signal: AbortSignal,
): AsyncGenerator<FollowMessage, void, undefined> {
  const action = `Cannot follow the changes of ${context.name}`;
  try {
    const prepared = await pool.use(
      action,
      signal,
      (session) => prepare({ pool, session, action, signal }, request, context),
    );
    for (const note of prepared.notes) yield { type: "log", ...note };
    yield* new Follower(pool, prepared, context, signal).run();
  } catch (error) {
    if (signal.aborted) throw toAppError(signal.reason);
    throw toMysqlError(action, error);
  }
}

/** What the server's log has behind a position, as a run has reported it: it keeps that for nobody, but for a time. */
export async function lookBehind(
  pool: SessionPool,
  position: string,
  { name }: ReadContext,
  signal: AbortSignal,
): Promise<FollowProgress> {
  const action = `Cannot look at the log of ${name}`;
  const place = parsePlace(position);
  const kept = await pool.use(
    action,
    signal,
    (session) => lookAtKept({ pool, session, action, position: place, signal }),
  );
  return { position, ...kept, retainedBytes: null, upToMs: null, isCaughtUp: false };
}
