import type { FollowMessage, FollowProgress } from "../../../contract/connector/changes.ts";
import { AppError } from "../../../contract/errors.ts";
import { ConnectionLostError } from "../../network/failures.ts";
import { ofStream } from "../../of_stream.ts";
import type { ReadContext } from "../read/plan.ts";
import { checkWarnings } from "../read/warnings.ts";
import type { SessionPool } from "../session_pool.ts";
import type { Session } from "../session/session.ts";
import { factsBefore } from "./changed_facts.ts";
import { Definitions } from "./definitions.ts";
import { writeState } from "./follow_state.ts";
import { GtidTracker } from "./gtid/gtid_tracker.ts";
import { gtidsAt, parseGtids, parseTaken } from "./gtid/server_gtids.ts";
import { EVENT, isTwoPhase, readLoadQuery, readMariadbGtid, readQuery } from "./log/log_event.ts";
import { type KeptLog, lookAtKept } from "./log/kept_log.ts";
import { type LogFile, LogReader, type PlacedEvent } from "./log/log_reader.ts";
import { fits } from "./logged_types.ts";
import { openLog } from "./log/open_log.ts";
import { comparePlaces, earliest, latest, type Place, writePlace } from "./log/place.ts";
import { countTables, type Preparation } from "./prepare.ts";
import { type LogStatus, logStatus, lost } from "./log/server.ts";
import { ServerTexts } from "./values/server_texts.ts";
import { readStatement, type Statement } from "./log/statements.ts";
import { beginTransaction, type OpenTransaction, whyNotPassedOver } from "./log/transaction.ts";
import { changesOf, ROWS } from "./rows.ts";
import { TableLog } from "./table_log.ts";
import { TableReader } from "./table_reader.ts";
import { readRows, readTableMap, type RowsKind, type TableMap } from "./log/table_map.ts";

/** Changes between two commits, at the least: each of them looks at the whole table's keys. */
const CHANGES_A_COMMIT = 250_000;
/** Each has some megabytes. */
const MAX_DECODERS = 8;

/** Reads the log up to where it was when the reading began. */
export class Follower {
  readonly #pool: SessionPool;
  readonly #prepared: Preparation;
  readonly #reader: TableReader;
  readonly #definitions: Definitions;
  readonly #signal: AbortSignal;
  readonly #logs: readonly TableLog[];
  readonly #maps = new Map<number, TableMap>();
  readonly #texts: ServerTexts;
  #place: Place;
  #file: LogFile | undefined;
  #transaction: OpenTransaction | undefined;
  #gtids = new GtidTracker(undefined);
  #changes = 0;

  constructor(pool: SessionPool, prepared: Preparation, context: ReadContext, signal: AbortSignal) {
    this.#pool = pool;
    this.#prepared = prepared;
    this.#reader = new TableReader(pool, prepared, context, signal);
    this.#signal = signal;
    const { lookedFrom: from, lookedUntil: until, tables } = prepared;
    this.#logs = tables.map((table) =>
      new TableLog({ table, from, until }, factsBefore(table), {
        position: table.before?.position ?? until,
        gtids: table.before?.gtids ?? undefined,
        taken: parseTaken(prepared.kind, table.before?.taken ?? null),
      })
    );
    this.#place = until;
    this.#texts = new ServerTexts((sql, hasValues) =>
      pool.use(prepared.action, signal, async (session) => {
        const { rows: [row], warnings } = await session.query(sql);
        if (warnings > 0 && hasValues) await checkWarnings(session, prepared.action);
        return row ?? [];
      })
    );
    this.#definitions = new Definitions(this.#reader, this.#logs, this.#texts);
  }

  async *run(): AsyncGenerator<FollowMessage, void, undefined> {
    const { action, toRead } = this.#prepared;
    for (const { table, reason } of toRead) {
      const log = this.#logs.find(({ name }) => name === table.name);
      if (log === undefined) continue;
      yield* this.#reader.readTable(log, reason);
      const state = this.#stateOf(log);
      yield { type: "commit", states: { [log.name]: state }, isLast: false };
    }
    this.#place = earliest(this.#logs.map(({ position }) => position)) ?? this.#place;
    const beganMs = Date.now();
    const { end, gtids } = await this.#pool.use(action, this.#signal, (session) => this.#lookAtLog(session));
    this.#reader.end = latest(this.#reader.end, end);
    do {
      yield* this.#readLog();
      yield* this.#definitions.findUnlogged();
    } while (comparePlaces(this.#place, this.#reader.end) < 0);
    if (comparePlaces(this.#place, end) === 0) this.#gtids.learn(parseGtids(this.#prepared.kind, gtids));
    for (const log of this.#logs) {
      this.#endTaken(log);
      yield* log.announce(this.#texts);
    }
    yield* this.#commit(true);
    yield { type: "progress", progress: { ...this.#progress(beganMs, true), ...await this.#kept() } };
    yield {
      type: "log",
      level: "info",
      message: `Followed ${countTables(this.#logs.length)} up to ${writePlace(this.#place)}`,
    };
  }

  /** Where it ends, and what was committed up to where its reading begins. */
  async #lookAtLog(session: Session): Promise<LogStatus> {
    const first = this.#logs.find(({ position }) => comparePlaces(position, this.#place) === 0);
    const known = parseGtids(session, first?.gtids) ?? await gtidsAt(session, this.#place);
    this.#gtids = new GtidTracker(known);
    return await logStatus(session, this.#prepared.action);
  }

  /** Up to where the server has no more, which is where the reading was to end or behind that. */
  async *#readLog(): AsyncGenerator<FollowMessage, void, undefined> {
    const { serverId, action } = this.#prepared;
    const from = this.#place;
    const { end } = this.#reader;
    await using log = await openLog(this.#pool, this.#signal, { action, serverId, from: { place: from } });
    for await (const event of log.events()) {
      this.#checkFile(log.reader);
      yield* this.#take(event);
      if (this.#transaction !== undefined) continue;
      this.#place = event.endPlace;
      this.#gtids.end();
      if (comparePlaces(this.#place, this.#reader.end) >= 0) return;
      if (this.#changes < CHANGES_A_COMMIT) continue;
      yield* this.#commit(false);
      yield { type: "progress", progress: this.#progress(event.timestamp * 1_000, false) };
    }
    this.#checkFile(log.reader);
    // A table that was read meanwhile may have moved the end on: then the log is read again from here.
    if (this.#transaction !== undefined || comparePlaces(this.#place, end) < 0) {
      throw new ConnectionLostError(`the server's log ended at ${writePlace(this.#place)}`);
    }
  }

  /** A file of the same name that was begun at another time has another log. */
  #checkFile({ file }: LogReader): void {
    if (file === undefined) throw new ConnectionLostError("the server's log has no begin");
    if (file === this.#file) return;
    this.#file = file;
    for (const { latest: { table: { before } } } of this.#logs) {
      if (before?.begun?.file !== file.file || before.begun.at === file.at) continue;
      throw lost(
        this.#prepared.action,
        `the server's log ${file.file} is not the one that was followed before: it was begun anew (RESET MASTER), ` +
          "or the server is another one",
      );
    }
  }

  async *#take(event: PlacedEvent): AsyncGenerator<FollowMessage, void, undefined> {
    const kind = ROWS[event.type];
    if (kind !== undefined) return yield* this.#takeRows(event, kind);
    if (this.#transaction === undefined) this.#beginTaken(event);
    switch (event.type) {
      case EVENT.mariadbGtid: {
        const { isStandalone } = readMariadbGtid(event);
        this.#transaction = beginTransaction(event, !isStandalone);
        return;
      }
      case EVENT.gtid:
      case EVENT.anonymousGtid:
      case EVENT.gtidTagged:
        this.#transaction = beginTransaction(event, false);
        return;
      case EVENT.tableMap: {
        const map = readTableMap(event);
        this.#maps.set(map.id, map);
        return;
      }
      case EVENT.query:
      case EVENT.queryCompressed: {
        const { sql, database } = readQuery(event);
        return yield* this.#takeStatement(readStatement(sql, database), event);
      }
      case EVENT.executeLoadQuery: {
        const { sql, database } = readLoadQuery(event);
        return yield* this.#takeStatement(readStatement(sql, database), event);
      }
      case EVENT.xaPrepare:
        if (isTwoPhase(event) && this.#transaction?.hasTaken === true) {
          throw this.#unfollowable(event, "an XA transaction in two phases, whose end stands elsewhere");
        }
        this.#transaction = undefined;
        return;
      case EVENT.xid:
        this.#transaction = undefined;
        return;
      default: {
        const what = whyNotPassedOver(event);
        if (what !== undefined) throw this.#unfollowable(event, what);
      }
    }
  }

  /** Where a transaction may begin: of another server's some are here already. */
  #beginTaken(event: PlacedEvent): void {
    const gtid = this.#gtids.see(event);
    for (const log of this.#logs) log.begin(gtid, event.start);
  }

  #endTaken(log: TableLog): void {
    const missing = log.endTaken();
    if (missing === undefined) return;
    throw lost(
      this.#prepared.action,
      `the server's log ends without the GTIDs ${missing}, which are in the rows of ${log.name} already: the server ` +
        "is not a copy of the one that was followed before",
    );
  }

  #unfollowable(event: { readonly start: Place }, what: string): AppError {
    return lost(this.#prepared.action, `the server's log has at ${writePlace(event.start)} ${what}`);
  }

  async *#takeStatement(
    statement: Statement,
    event: PlacedEvent,
  ): AsyncGenerator<FollowMessage, void, undefined> {
    const transaction = this.#transaction ?? beginTransaction(event, false);
    this.#transaction = transaction;
    switch (statement.kind) {
      case "begin":
        transaction.isOpen = true;
        return;
      case "commit":
        this.#transaction = undefined;
        return;
      case "rollback":
      case "rollback to":
        if (transaction.hasTaken) {
          throw this.#unfollowable(event, "a transaction that was undone after it was logged");
        }
        if (statement.kind === "rollback") this.#transaction = undefined;
        return;
      case "rows":
        for (const log of this.#definitions.logsOf(statement.tables, transaction.start)) {
          const what =
            `a statement that may change ${log.name} in place of its rows: a session had another ` +
            "binlog_format than ROW";
          throw ofStream(log.name, this.#unfollowable(event, what));
        }
        break;
      default:
        if (statement.kind === "truncate") this.#changes += 1;
        yield* this.#definitions.follow(statement, transaction, event, () => this.#commitBefore());
    }
    if (!transaction.isOpen) this.#transaction = undefined;
  }

  async *#takeRows(event: PlacedEvent, kind: RowsKind): AsyncGenerator<FollowMessage, void, undefined> {
    const rows = readRows(event, kind, event.format);
    const map = this.#maps.get(rows.tableId);
    if (map === undefined) {
      // At the end of a statement there may be an event without a table or a row.
      if (rows.isEmpty) return;
      throw new ConnectionLostError("the server's log has a row of an unknown table");
    }
    const transaction = this.#transaction;
    const [log] = this.#definitions.logsOf([map], transaction?.start ?? event.start);
    if (log === undefined) return;
    if (transaction === undefined) {
      throw new ConnectionLostError("the server's log has a row of no transaction");
    }
    if (!fits(map, log.facts.columns)) {
      const reason = `its log has rows of other columns at ${writePlace(event.start)}`;
      return yield* this.#reader.readTable(log, reason);
    }
    try {
      const { count, messages } = await changesOf(map, rows, log, this.#texts, transaction);
      transaction.hasTaken = true;
      this.#changes += count;
      yield* messages();
    } catch (error) {
      throw ofStream(log.name, error);
    }
  }

  /** The server keeps its log whoever reads it; how much of it lies in other files is not known. */
  #progress(upToMs: number, isCaughtUp: boolean): FollowProgress {
    const { end } = this.#reader;
    return {
      position: writePlace(this.#place),
      behindBytes: end.file === this.#place.file ? Math.max(0, end.offset - this.#place.offset) : null,
      retainedBytes: null,
      upToMs,
      isCaughtUp,
      warning: null,
    };
  }

  /** What the log has behind the stream that is least far, which may be one that is not followed now. */
  async #kept(): Promise<KeptLog & Pick<FollowProgress, "position">> {
    const { action, resting } = this.#prepared;
    const position = earliest([this.#place, ...resting]) ?? this.#place;
    const [pool, signal] = [this.#pool, this.#signal];
    const kept = await pool.use(
      action,
      signal,
      (session) => lookAtKept({ pool, session, action, position, signal }),
    );
    return { position: writePlace(position), ...kept };
  }

  #stateOf(log: TableLog) {
    const position = latest(log.position, this.#place);
    const file = this.#file;
    return writeState({
      server: this.#prepared.server,
      position,
      begun: file?.file === position.file ? file : null,
      gtids: log.gtids ?? null,
      taken: log.taken,
      facts: log.facts,
    });
  }

  *#commitBefore(): Generator<FollowMessage, void, undefined> {
    if (this.#changes > 0) yield* this.#commit(false);
  }

  *#commit(isLast: boolean): Generator<FollowMessage, void, undefined> {
    for (const log of this.#logs) yield* log.flush(this.#logs.length > MAX_DECODERS);
    this.#changes = 0;
    const states = this.#logs.map((log) => {
      if (comparePlaces(log.position, this.#place) <= 0) {
        log.position = this.#place;
        log.gtids = this.#gtids.text;
      }
      return [log.name, this.#stateOf(log)] as const;
    });
    yield { type: "commit", states: Object.fromEntries(states), isLast };
  }
}
