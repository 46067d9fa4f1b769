import type { FollowedStream, FollowRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { formatPlural } from "../../../text/format.ts";
import { ofEachStream } from "../../of_stream.ts";
import { toMysqlError } from "../errors.ts";
import type { MysqlStream } from "../options.ts";
import type { ReadContext } from "../read/plan.ts";
import type { Session } from "../session/session.ts";
import { showTable } from "../table_name.ts";
import { reasonToReadAgain } from "./changed_facts.ts";
import { readState } from "./follow_state.ts";
import { actionOf, type FollowedTable, inspectTable } from "./followed_table.ts";
import { comparePlaces, type Place, writePlace } from "./log/place.ts";
import { logSettings, logStatus, lost } from "./log/server.ts";
import { type Here, resumeStreams } from "./resume.ts";
import { serverIdOf } from "./server_id.ts";

/** What stands before the log is read. */
export interface Preparation {
  readonly action: string;
  /** Which server's log it is. */
  readonly server: string;
  /** Which of the two systems it is. */
  readonly kind: Pick<Session, "server">;
  readonly ignoresCase: boolean;
  /** What the reader of the log calls itself. */
  readonly serverId: number;
  readonly tables: readonly FollowedTable[];
  /** Where streams are in this log that are not followed now. */
  readonly resting: readonly Place[];
  /** Where the log was before the tables were looked at, and after. */
  readonly lookedFrom: Place;
  readonly lookedUntil: Place;
  /** Those whose rows are to be read first. */
  readonly toRead: readonly { readonly table: FollowedTable; readonly reason: string }[];
  readonly notes: readonly { readonly level: "info" | "warn"; readonly message: string }[];
}

/**
 * Looks at server, tables and log. Throws with what to do where the log is not that of the last run, and StreamsFailed
 * where tables cannot be followed.
 */
export async function prepare(
  { pool, session, action, signal }: Omit<Here, "server" | "serverId">,
  request: FollowRequest<MysqlStream>,
  context: ReadContext,
): Promise<Preparation> {
  const { server, ignoresCase } = await checkServer(session, action);
  const serverId = serverIdOf(request, context);
  const streams = await resumeStreams(
    { pool, session, action, server, serverId, signal },
    request.streams,
  );
  const { end: lookedFrom, logged } = await logStatus(session, action);
  const tables = await inspectAll(session, streams, context, logged);
  checkTwice(action, tables);
  const lookedUntil = (await logStatus(session, action)).end;
  const notes: Preparation["notes"][number][] = [];
  if (streams.some(({ state }, i) => state !== request.streams[i]?.state)) {
    const message =
      `The log of the server (${server}) is followed by GTID from where the one before was left`;
    notes.push({ level: "info", message });
  }
  const toRead = tables.flatMap((table) => {
    if (table.virtual.length > 0) {
      const message = `${table.name}: ${
        table.virtual.join(", ")
      } is generated and not in the log, so it is left out`;
      notes.push({ level: "warn", message });
    }
    const reason = reasonToReadAgain(table);
    return reason === undefined ? [] : [{ table, reason }];
  });
  for (const { before } of tables) {
    if (before === undefined) continue;
    if (comparePlaces(before.position, lookedUntil) > 0) {
      throw lost(
        action,
        `the server's log ends at ${writePlace(lookedUntil)}, and this pipeline is at ${
          writePlace(before.position)
        }: the log was begun anew (RESET MASTER), or the server is an older copy`,
      );
    }
  }
  return {
    action,
    server,
    kind: { server: session.server },
    ignoresCase,
    serverId,
    tables,
    resting: request.resting.flatMap((stream) => {
      const state = readState(stream);
      return state?.server === server ? [state.position] : [];
    }),
    lookedFrom,
    lookedUntil,
    toRead,
    notes,
  };
}

/** Looks at each stream's table. Throws StreamsFailed with those that cannot be followed. */
async function inspectAll(
  session: Session,
  streams: readonly FollowedStream<MysqlStream>[],
  context: ReadContext,
  logged: (database: string) => boolean,
): Promise<readonly FollowedTable[]> {
  return await ofEachStream(streams, async (stream) => {
    try {
      const table = await inspectTable(session, stream, context);
      checkTable(table, logged);
      return table;
    } catch (error) {
      throw toMysqlError(actionOf(stream, context), error);
    }
  });
}

/** The columns of a table that its log has. Throws where it cannot be followed, as `prepare` does. */
export async function followedColumns(
  session: Session,
  request: FollowedStream<MysqlStream>,
  context: ReadContext,
): Promise<readonly string[]> {
  const action = actionOf(request, context);
  await checkServer(session, action);
  const { logged } = await logStatus(session, action);
  const table = await inspectTable(session, request, context);
  checkTable(table, logged);
  return table.facts.read;
}

async function checkServer(session: Session, action: string) {
  const settings = await logSettings(session);
  const [fault] = settings.faults;
  if (fault !== undefined) throw new AppError("invalid", `${action}: ${fault}`);
  return settings;
}

function checkTable({ action, table }: FollowedTable, logged: (database: string) => boolean): void {
  if (logged(table.database)) return;
  throw new AppError(
    "invalid",
    `${action}: the server does not log the changes of the database ${table.database} (binlog_do_db, ` +
      "binlog_ignore_db)",
  );
}

function checkTwice(action: string, tables: readonly FollowedTable[]): void {
  for (const [i, { name, table }] of tables.entries()) {
    const other = tables.slice(0, i).find((earlier) => showTable(earlier.table) === showTable(table));
    if (other === undefined) continue;
    throw new AppError("invalid", `${action}: the streams ${other.name} and ${name} follow the same table`);
  }
}

export const countTables = (count: number): string =>
  count === 1 ? "one table" : formatPlural(count, "table");
