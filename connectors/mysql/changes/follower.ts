import type {
  ChangesMessage,
  ChangeTransaction,
  FollowMessage,
} from "../../../contract/connector/changes.ts";
import { AppError } from "../../../contract/errors.ts";
import { ConnectionLostError } from "../../network/failures.ts";
import type { ReadContext } from "../read/plan.ts";
import { checkWarnings } from "../read/warnings.ts";
import type { SessionPool } from "../session_pool.ts";
import type { TableName } from "../table_name.ts";
import type { ChangeBuffer } from "./change_buffer.ts";
import { inspectTable, reasonToReadAgain, writeState } from "./followed_table.ts";
import {
  EVENT,
  inflate,
  isTwoPhase,
  type LogEvent,
  readLoadQuery,
  readMariadbGtid,
  readQuery,
} from "./log_event.ts";
import { type LogFile, LogReader, type PlacedEvent } from "./log_reader.ts";
import { fits, hasOldTime } from "./logged_table.ts";
import { openLog } from "./open_log.ts";
import { comparePlaces, earliest, latest, type Place, writePlace } from "./place.ts";
import { countTables, lost, type Preparation } from "./prepare.ts";
import { logStatus } from "./server.ts";
import { ServerTexts } from "./server_texts.ts";
import { takeSnapshot } from "./snapshot.ts";
import { readStatement, type Statement } from "./statements.ts";
import { look, TableLog } from "./table_log.ts";
import {
  type ChangedRow,
  type PhysicalColumn,
  readRows,
  readTableMap,
  type RowsKind,
  type TableMap,
} from "./table_map.ts";

/** Changes between two commits, at the least: each of them looks at the whole table's keys. */
const CHANGES_A_COMMIT = 250_000;
/** Each has some megabytes. */
const MAX_DECODERS = 8;

const ROWS: Readonly<Record<number, RowsKind>> = {
  [EVENT.writeRowsV1]: { operation: "write", hasExtra: false, inflate: undefined },
  [EVENT.updateRowsV1]: { operation: "update", hasExtra: false, inflate: undefined },
  [EVENT.deleteRowsV1]: { operation: "delete", hasExtra: false, inflate: undefined },
  [EVENT.writeRows]: { operation: "write", hasExtra: true, inflate: undefined },
  [EVENT.updateRows]: { operation: "update", hasExtra: true, inflate: undefined },
  [EVENT.deleteRows]: { operation: "delete", hasExtra: true, inflate: undefined },
  [EVENT.writeRowsCompressedV1]: { operation: "write", hasExtra: false, inflate },
  [EVENT.updateRowsCompressedV1]: { operation: "update", hasExtra: false, inflate },
  [EVENT.deleteRowsCompressedV1]: { operation: "delete", hasExtra: false, inflate },
  [EVENT.writeRowsCompressed]: { operation: "write", hasExtra: true, inflate },
  [EVENT.updateRowsCompressed]: { operation: "update", hasExtra: true, inflate },
  [EVENT.deleteRowsCompressed]: { operation: "delete", hasExtra: true, inflate },
};

/** What says nothing of rows: settings of statements, comments, numbers of transactions, marks of the file. */
const PASSED_OVER: ReadonlySet<number> = new Set([
  EVENT.stop,
  EVENT.intvar,
  EVENT.slave,
  EVENT.rand,
  EVENT.userVar,
  EVENT.beginLoadQuery,
  EVENT.ignorable,
  EVENT.rowsQuery,
  EVENT.previousGtids,
  EVENT.transactionContext,
  EVENT.viewChange,
  EVENT.annotateRows,
  EVENT.binlogCheckpoint,
  EVENT.gtidList,
  EVENT.startEncryption,
]);

interface OpenTransaction extends ChangeTransaction {
  readonly start: Place;
  /** Whether it goes on behind its next statement. */
  isOpen: boolean;
  /** Whether anything of it was taken. */
  hasTaken: boolean;
}

/** Reads the log up to where it was when the reading began. */
export class Follower {
  readonly #pool: SessionPool;
  readonly #prepared: Preparation;
  readonly #context: ReadContext;
  readonly #signal: AbortSignal;
  readonly #logs: readonly TableLog[];
  readonly #maps = new Map<number, TableMap>();
  readonly #texts: ServerTexts;
  #place: Place;
  #end: Place;
  #file: LogFile | undefined;
  #transaction: OpenTransaction | undefined;
  #changes = 0;

  constructor(pool: SessionPool, prepared: Preparation, context: ReadContext, signal: AbortSignal) {
    this.#pool = pool;
    this.#prepared = prepared;
    this.#context = context;
    this.#signal = signal;
    const { lookedFrom: from, lookedUntil: until, tables } = prepared;
    this.#logs = tables.map((table) =>
      new TableLog(
        { table, from, until },
        table.before?.facts ?? table.facts,
        table.before?.position ?? until,
      )
    );
    this.#place = until;
    this.#end = until;
    this.#texts = new ServerTexts((sql, hasValues) =>
      pool.use(prepared.action, signal, async (session) => {
        const { rows: [row], warnings } = await session.query(sql);
        if (warnings > 0 && hasValues) await checkWarnings(session, prepared.action);
        return row ?? [];
      })
    );
  }

  async *run(): AsyncGenerator<FollowMessage, void, undefined> {
    const { action, toRead } = this.#prepared;
    for (const { table, reason } of toRead) {
      const log = this.#logs.find(({ name }) => name === table.name);
      if (log === undefined) continue;
      yield* this.#readTable(log, reason);
      const state = this.#stateOf(log);
      yield { type: "commit", states: { [log.name]: state }, isLast: false };
    }
    this.#place = earliest(this.#logs.map(({ position }) => position)) ?? this.#place;
    const { end } = await this.#pool.use(action, this.#signal, (session) => logStatus(session, action));
    this.#end = latest(this.#end, end);
    do {
      yield* this.#readLog();
      yield* this.#findUnlogged();
    } while (comparePlaces(this.#place, this.#end) < 0);
    for (const log of this.#logs) yield* log.announce(this.#texts);
    yield* this.#commit(true);
    yield {
      type: "log",
      level: "info",
      message: `Followed ${countTables(this.#logs.length)} up to ${writePlace(this.#place)}`,
    };
  }

  /** Up to where the server has no more, which is where the reading was to end or behind that. */
  async *#readLog(): AsyncGenerator<FollowMessage, void, undefined> {
    const { serverId, action } = this.#prepared;
    const from = this.#place;
    await using log = await openLog(this.#pool, this.#signal, { action, serverId, from });
    for await (const event of log.events()) {
      this.#checkFile(log.reader);
      yield* this.#take(event);
      if (this.#transaction !== undefined) continue;
      this.#place = event.endPlace;
      if (comparePlaces(this.#place, this.#end) >= 0) return;
      if (this.#changes >= CHANGES_A_COMMIT) yield* this.#commit(false);
    }
    this.#checkFile(log.reader);
    if (this.#transaction !== undefined || comparePlaces(this.#place, this.#end) < 0) {
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
    switch (event.type) {
      case EVENT.mariadbGtid: {
        const { isStandalone } = readMariadbGtid(event);
        return this.#begin(event, !isStandalone);
      }
      case EVENT.gtid:
      case EVENT.anonymousGtid:
      case EVENT.gtidTagged:
        return this.#begin(event, false);
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
      default:
        this.#passOver(event);
    }
  }

  #passOver(event: PlacedEvent): void {
    if (PASSED_OVER.has(event.type)) return;
    if (event.type === EVENT.incident) {
      throw this.#unfollowable(event, "a mark that the server has lost changes");
    }
    if (event.type === EVENT.transactionPayload) {
      throw this.#unfollowable(
        event,
        "a compressed transaction (binlog_transaction_compression = OFF ends them)",
      );
    }
    if (event.type === EVENT.partialUpdateRows) {
      throw this.#unfollowable(event, "parts of JSON documents (binlog_row_value_options = '' ends them)");
    }
    if (event.isIgnorable) return;
    throw this.#unfollowable(event, `an event of the kind ${event.type}, which is not known here`);
  }

  #unfollowable(event: { readonly start: Place }, what: string): AppError {
    return lost(this.#prepared.action, `the server's log has at ${writePlace(event.start)} ${what}`);
  }

  #begin({ start, timestamp }: PlacedEvent, isOpen: boolean): void {
    this.#transaction = {
      start,
      position: writePlace(start),
      committedAtUs: BigInt(timestamp) * 1_000_000n,
      isOpen,
      hasTaken: false,
    };
  }

  async *#takeStatement(
    statement: Statement,
    event: PlacedEvent,
  ): AsyncGenerator<FollowMessage, void, undefined> {
    if (this.#transaction === undefined) this.#begin(event, false);
    const transaction = this.#transaction;
    if (transaction === undefined) return;
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
        for (const log of this.#logsOf(statement.tables, transaction.start)) {
          throw this.#unfollowable(
            event,
            `a statement that may change ${log.name} in place of its rows: a session had another binlog_format than ROW`,
          );
        }
        break;
      default:
        yield* this.#define(statement, transaction, event);
    }
    if (!transaction.isOpen) this.#transaction = undefined;
  }

  async *#define(
    statement: Exclude<
      Statement,
      { readonly kind: "begin" | "commit" | "rollback" | "rollback to" | "rows" }
    >,
    transaction: OpenTransaction,
    { start, endPlace }: PlacedEvent,
  ): AsyncGenerator<FollowMessage, void, undefined> {
    switch (statement.kind) {
      case "truncate":
        for (const log of this.#logsOf(statement.tables, start)) {
          this.#changes += 1;
          transaction.hasTaken = true;
          yield* log.buffer(this.#texts).add("truncate", undefined, [], transaction);
        }
        return;
      case "columns":
        for (const log of this.#logsOf(statement.tables, start)) yield* this.#reshape(log, endPlace);
        return;
      case "anew":
        for (const log of this.#logsOf(statement.tables, start)) {
          yield* this.#readTable(log, `it was made anew, renamed or emptied in part at ${writePlace(start)}`);
        }
        return;
      case "drop database":
        for (const log of this.#logs) {
          const { database } = log.latest.table.table;
          if (log.has(start) || !this.#isSame(database, statement.database)) continue;
          yield* this.#readTable(log, `its database was made anew at ${writePlace(start)}`);
        }
    }
  }

  #logsOf(tables: readonly TableName[], at: Place): readonly TableLog[] {
    return this.#logs.filter((log) => {
      const { database, table } = log.latest.table.table;
      return !log.has(at) &&
        tables.some((name) => this.#isSame(name.database, database) && this.#isSame(name.table, table));
    });
  }

  #isSame(one: string, other: string): boolean {
    return one === other || this.#prepared.ignoresCase && one.toLowerCase() === other.toLowerCase();
  }

  /**
   * The table has other columns from here on. What they are is known where nothing changed them again before the
   * table was looked at; else the rows between cannot be read, and the table is read again.
   */
  async *#reshape(log: TableLog, at: Place): AsyncGenerator<FollowMessage, void, undefined> {
    if (comparePlaces(log.latest.from, at) < 0) {
      log.latest = await look(this.#pool, log.latest.table, this.#context, this.#signal);
    }
    const { table, until } = log.latest;
    const reason = reasonToReadAgain({ ...table, before: { facts: log.facts } });
    if (reason !== undefined) return yield* this.#readTable(log, reason);
    if (await this.#isChangedAgain(log, at, until)) {
      return yield* this.#readTable(
        log,
        "its columns changed more than once, and the log does not tell them apart",
      );
    }
    if (this.#changes > 0) yield* this.#commit(false);
    const gone = log.facts.read.filter((name) => !table.facts.columns.some((column) => column.name === name));
    if (gone.length > 0) {
      const message = `${log.name}: ${
        gone.join(", ")
      } is gone at the source; it stays here, NULL in rows that change`;
      yield { type: "log", level: "warn", message };
    }
    log.reshape();
  }

  /** Whether another statement changes the table's columns between the two places. */
  async #isChangedAgain(log: TableLog, from: Place, until: Place): Promise<boolean> {
    if (comparePlaces(from, until) >= 0) return false;
    const { action, serverId } = this.#prepared;
    await using scan = await openLog(this.#pool, this.#signal, { action, serverId: nextId(serverId), from });
    for await (const event of scan.events()) {
      if (comparePlaces(event.start, until) >= 0) return false;
      if (event.type !== EVENT.query && event.type !== EVENT.queryCompressed) continue;
      const { sql, database } = readQuery(event);
      const statement = readStatement(sql, database);
      const isChange = statement.kind === "columns" || statement.kind === "anew";
      if (isChange && this.#logsOf(statement.tables, event.start).includes(log)) return true;
    }
    return false;
  }

  /** Reads the table as it is now; of the log before that it takes nothing any more. */
  async *#readTable(log: TableLog, reason: string): AsyncGenerator<FollowMessage, void, undefined> {
    yield* log.flush(true);
    yield { type: "snapshot", stream: log.name, reason };
    await using lease = await this.#pool.lease(this.#signal);
    const { session } = lease;
    const table = await inspectTable(session, log.latest.table.request, this.#context);
    const snapshot = await takeSnapshot(this.#pool, session, table, this.#context, this.#signal);
    const rows = snapshot.rows();
    let next = await rows.next();
    for (; next.done !== true; next = await rows.next()) {
      yield { type: "rows", stream: log.name, batch: next.value };
    }
    if (next.value !== undefined) yield { type: "log", level: "warn", message: `${log.name}: ${next.value}` };
    log.beginAt({ table: snapshot.table, from: snapshot.place, until: snapshot.seen }, snapshot.place);
    this.#end = latest(this.#end, snapshot.seen);
  }

  /** Columns that changed without the log's telling of it (sql_log_bin = 0). */
  async *#findUnlogged(): AsyncGenerator<FollowMessage, void, undefined> {
    for (const log of this.#logs) {
      if (!log.isCurrent) yield* this.#readTable(log, "its columns changed, which the log does not tell of");
    }
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
    const [log] = this.#logsOf([map], transaction?.start ?? event.start);
    if (log === undefined) return;
    if (transaction === undefined) {
      throw new ConnectionLostError("the server's log has a row of no transaction");
    }
    const { table } = log.latest;
    if (!fits(map, log.facts)) {
      return yield* this.#readTable(log, `its log has rows of other columns at ${writePlace(event.start)}`);
    }
    if (hasOldTime(map, log.facts)) {
      throw new AppError(
        "invalid",
        `${table.action}: it has times in the form of an older MariaDB, which the log does not describe; run ALTER ` +
          "TABLE … FORCE with mysql56_temporal_format = ON",
      );
    }
    const buffer = log.buffer(this.#texts);
    const changed = [...rows.rows(map.columns)];
    await this.#learn(buffer, map.columns, changed);
    transaction.hasTaken = true;
    this.#changes += changed.length;
    for (const row of changed) {
      yield* addRow(buffer, row, map.columns, transaction, () => this.#partial(event, log));
    }
  }

  #partial(event: LogEvent & { readonly start: Place }, log: TableLog): AppError {
    return this.#unfollowable(
      event,
      `a row of ${log.name} without all of its columns: a session had another binlog_row_image than FULL`,
    );
  }

  async #learn(
    buffer: ChangeBuffer,
    physical: readonly PhysicalColumn[],
    rows: readonly ChangedRow[],
  ): Promise<void> {
    const columns = buffer.logged.columns.flatMap((column) => {
      const kind = physical[column.place];
      return kind === undefined ? [] : [{ column, physical: kind }];
    });
    await this.#texts.learn(
      columns,
      (place) =>
        rows.flatMap(({ before, after }) => [before?.[place], after?.[place]])
          .filter((value) => value !== undefined && value !== null),
    );
  }

  #stateOf(log: TableLog) {
    const position = latest(log.position, this.#place);
    const file = this.#file;
    return writeState({
      server: this.#prepared.server,
      position,
      begun: file?.file === position.file ? file : null,
      facts: log.facts,
    });
  }

  *#commit(isLast: boolean): Generator<FollowMessage, void, undefined> {
    for (const log of this.#logs) yield* log.flush(this.#logs.length > MAX_DECODERS);
    this.#changes = 0;
    const states = this.#logs.map((log) => {
      log.position = latest(log.position, this.#place);
      return [log.name, this.#stateOf(log)] as const;
    });
    yield { type: "commit", states: Object.fromEntries(states), isLast };
  }
}

function addRow(
  buffer: ChangeBuffer,
  { before, after }: ChangedRow,
  physical: readonly PhysicalColumn[],
  transaction: ChangeTransaction,
  partial: () => AppError,
): ChangesMessage[] {
  const { columns } = buffer.logged;
  for (const image of [before, after]) {
    if (image !== undefined && columns.some(({ place }) => image[place] === undefined)) throw partial();
  }
  if (before !== undefined && after !== undefined) return buffer.update(before, after, physical, transaction);
  if (after !== undefined) return buffer.add("insert", after, physical, transaction);
  return buffer.add("delete", before, physical, transaction);
}

/** Two readers at a time must not have one name. */
const nextId = (serverId: number): number => serverId === 2 ** 32 - 1 ? serverId - 1 : serverId + 1;
