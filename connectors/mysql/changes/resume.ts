import type { FollowedStream } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { MysqlStream } from "../options.ts";
import type { SessionPool } from "../session_pool.ts";
import type { Session } from "../session/session.ts";
import { textLiteral } from "../table_name.ts";
import { type FollowState, readState, writeState } from "./follow_state.ts";
import type { GtidSet } from "./gtid/gtid.ts";
import { MariadbGtids } from "./gtid/mariadb_gtids.ts";
import { MysqlGtids } from "./gtid/mysql_gtids.ts";
import { gtidsAt, parseGtids } from "./gtid/server_gtids.ts";
import { logFiles } from "./log/log_files.ts";
import { openLog } from "./log/open_log.ts";
import type { Place } from "./log/place.ts";
import { logStatus, lost, notThere } from "./log/server.ts";
import { beginsTransaction } from "./log/transaction.ts";

/** The server that is followed now, and how it is reached. */
export interface Here {
  readonly pool: SessionPool;
  readonly session: Session;
  readonly action: string;
  /** Which server it is, as in a state. */
  readonly server: string;
  /** What the reader of the log calls itself. */
  readonly serverId: number;
  readonly signal: AbortSignal;
}

/** What a place becomes in the log of the server that is followed now. */
type Resumed = Pick<FollowState, "position" | "gtids" | "taken">;

/**
 * The streams with places of the server's own log: those that were left at another server, or in a file that was
 * removed when all of it had been read, go on by GTID. Throws `invalid`, with what to do, where no place goes on
 * from where a stream was left at another server.
 */
export async function resumeStreams(
  here: Here,
  streams: readonly FollowedStream<MysqlStream>[],
): Promise<readonly FollowedStream<MysqlStream>[]> {
  // Most streams are at one place.
  const found = new Map<string, Resumed | undefined>();
  const resumed: FollowedStream<MysqlStream>[] = [];
  for (const stream of streams) {
    const state = readState(stream);
    const key = JSON.stringify([state?.server, state?.gtids, state?.taken, state?.position.file]);
    if (state !== undefined && !found.has(key)) found.set(key, await resume(here, state));
    const place = found.get(key);
    if (state === undefined || place === undefined) resumed.push(stream);
    else {
      const moved = { ...state, ...place, server: here.server, begun: null };
      resumed.push({ ...stream, state: writeState(moved) });
    }
  }
  return resumed;
}

/** Undefined where its place holds. */
async function resume(here: Here, state: FollowState): Promise<Resumed | undefined> {
  const reached = reachedGtids(here.session, state);
  if (state.server === here.server) {
    return reached === undefined ? undefined : await afterRemovedFile(here, state, reached);
  }
  if (reached === undefined) {
    throw lost(
      here.action,
      `this is another server (${here.server}) than the one that was followed before (${state.server}), of which no ` +
        "GTIDs are known, and places in their logs have nothing to do with each other",
    );
  }
  return reached instanceof MysqlGtids ? await atMysql(here, reached) : await atMariadb(here, reached);
}

/** All that is in the stream's rows; undefined where that is not known, or is no set of this kind of server. */
function reachedGtids(
  session: Session,
  { gtids, taken }: FollowState,
): MysqlGtids | MariadbGtids | undefined {
  const [one, other] = [parseGtids(session, gtids), parseGtids(session, taken ?? "")];
  if (one instanceof MysqlGtids && other instanceof MysqlGtids) return one.with(other);
  if (one instanceof MariadbGtids && other instanceof MariadbGtids) return one.with(other);
  return undefined;
}

/** Where the first file that is left begins right where the stream was left, nothing is lost. */
async function afterRemovedFile(
  { session, action }: Here,
  { position }: FollowState,
  reached: GtidSet,
): Promise<Resumed | undefined> {
  const files = await logFiles(session, action);
  const [oldest] = files;
  if (oldest === undefined || files.some(({ file }) => file === position.file)) return undefined;
  const begin = { file: oldest.file, offset: 4 };
  const before = session.server.isMariadb
    ? await gtidsAt(session, begin)
    : parseGtids(session, await valueOf(session, "gtid_purged"));
  return before?.text === reached.text ? { position: begin, gtids: before.text, taken: null } : undefined;
}

async function atMariadb(here: Here, reached: MariadbGtids): Promise<Resumed> {
  const { session, action } = here;
  const logged = MariadbGtids.parse(await valueOf(session, "gtid_binlog_pos")) ?? new MariadbGtids();
  const applied = MariadbGtids.parse(await valueOf(session, "gtid_slave_pos")) ?? new MariadbGtids();
  const isLogging = await valueOf(session, "log_slave_updates") === "1";
  for (const domain of reached.domains) {
    if (logged.last(domain) !== undefined) continue;
    // A domain in which nothing happened since the server was set up as a copy.
    if (isLogging && applied.last(domain) === reached.last(domain)) continue;
    throw notThere(action, reached.text, `it has nothing of the domain ${domain} (is log_slave_updates on?)`);
  }
  const position = await firstBehind(here, reached);
  const before = await gtidsAt(session, position);
  if (before === undefined) {
    throw new AppError("unavailable", `${action}: the server's log was moved on while it was looked at`);
  }
  // The order of transactions of several domains may be another one here.
  const later = reached.without(before);
  const isLogged = (domain: string) => logged.last(domain) !== undefined;
  const awaited = later.only(isLogged);
  return {
    position,
    gtids: before.with(later.only((domain) => !isLogged(domain))).text,
    taken: awaited.text === "" ? null : awaited.text,
  };
}

async function atMysql(here: Here, reached: MysqlGtids): Promise<Resumed> {
  const { session, action } = here;
  const set = textLiteral(reached.text);
  const { rows: [[hasAll, isWhole, purged] = []] } = await session.query(
    `SELECT GTID_SUBSET(${set}, @@global.gtid_executed), GTID_SUBSET(@@global.gtid_purged, ${set}),
            @@global.gtid_purged`,
  );
  if (hasAll !== "1") throw notThere(action, reached.text, "it does not have all of these transactions");
  if (isWhole !== "1") {
    throw notThere(
      action,
      reached.text,
      `its log no longer has all that came behind them (${purged} was purged)`,
    );
  }
  return { position: await firstBehind(here, reached), gtids: reached.text, taken: reached.text };
}

const TRIES = 10;

/** Where the first transaction begins that is not in the set; where the log ends, if there is none. */
async function firstBehind(
  { pool, session, action, serverId, signal }: Here,
  gtids: GtidSet,
): Promise<Place> {
  for (let tries = TRIES; tries > 0; tries -= 1) {
    const before = (await logStatus(session, action)).end;
    await using log = await openLog(pool, signal, { action, serverId, from: { gtids } });
    for await (const event of log.events()) if (beginsTransaction(event)) return event.start;
    const { end } = await logStatus(session, action);
    if (end.file === before.file && end.offset === before.offset) return end;
  }
  throw new AppError("unavailable", `${action}: the server's log did not stand still for a moment`);
}

async function valueOf(session: Session, variable: string): Promise<string> {
  const { rows: [[value] = []] } = await session.query(`SELECT @@global.${variable}`);
  return value ?? "";
}
