import { AppError } from "../../../../contract/errors.ts";
import type { SessionPool } from "../../session_pool.ts";
import { ServerError } from "../../session/server_error.ts";
import type { Session } from "../../session/session.ts";
import { LogReader, type LogStart, type PlacedEvent } from "./log_reader.ts";
import { writePlace } from "./place.ts";
import { lost, missingGrant, notThere } from "./server.ts";

const DENIED = [1227, 1045];
/** The server cannot send its log from there on. */
const NO_LOG = 1236;

/** A log that is being read, over a connection of its own. */
export interface OpenLog extends AsyncDisposable {
  readonly reader: LogReader;
  /** Throws `forbidden` or `invalid`, with what to do. */
  events(): AsyncGenerator<PlacedEvent, void, undefined>;
}

export async function openLog(
  pool: SessionPool,
  signal: AbortSignal,
  { action, serverId, from }: { readonly action: string; readonly serverId: number; readonly from: LogStart },
): Promise<OpenLog> {
  const session = await pool.replication(signal);
  const cancelling = session.cancelOn(signal);
  const reader = new LogReader(session, serverId, from);
  return {
    reader,
    async *events() {
      try {
        yield* reader.read();
      } catch (error) {
        throw explain(error, action, session, from);
      }
    },
    [Symbol.asyncDispose]: async () => {
      cancelling[Symbol.dispose]();
      await session.close();
    },
  };
}

function explain(error: unknown, action: string, session: Session, from: LogStart): unknown {
  if (!(error instanceof ServerError)) return error;
  if (DENIED.includes(error.errno)) return missingGrant(action, session, "its log", error);
  if (error.errno !== NO_LOG) return error;
  if (/same server_uuid\/server_id|killed/i.test(error.message)) {
    return new AppError(
      "unavailable",
      `${action}: another reader of the log has the same server_id; give this one another with the streams' option ` +
        `server_id, or leave that out: ${error.message}`,
      { cause: error },
    );
  }
  if ("gtids" in from) {
    return notThere(action, from.gtids.text, error.message);
  }
  return lost(
    action,
    `the server no longer has its log from ${
      writePlace(from.place)
    } on, and with it changes are lost (it was purged; ` +
      `binlog_expire_logs_seconds and PURGE BINARY LOGS say when): ${error.message}`,
  );
}
