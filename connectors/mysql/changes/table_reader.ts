import type { FollowMessage } from "../../../contract/connector/changes.ts";
import { ofStream } from "../../of_stream.ts";
import { toMysqlError } from "../errors.ts";
import type { ReadContext } from "../read/plan.ts";
import type { SessionPool } from "../session_pool.ts";
import type { TableName } from "../table_name.ts";
import { inspectTable } from "./followed_table.ts";
import { EVENT, readQuery } from "./log/log_event.ts";
import { openLog } from "./log/open_log.ts";
import { comparePlaces, latest, type Place } from "./log/place.ts";
import { logStatus } from "./log/server.ts";
import { readStatement } from "./log/statements.ts";
import type { Preparation } from "./prepare.ts";
import { randomServerId } from "./server_id.ts";
import { takeSnapshot } from "./snapshot.ts";
import type { Look, TableLog } from "./table_log.ts";

/** Looks at the tables themselves, where their log does not say enough. */
export class TableReader {
  readonly #pool: SessionPool;
  readonly #prepared: Preparation;
  readonly #context: ReadContext;
  readonly #signal: AbortSignal;
  /** Up to here the log has to be read: what was seen of tables and rows is not older. */
  end: Place;

  constructor(pool: SessionPool, prepared: Preparation, context: ReadContext, signal: AbortSignal) {
    this.#pool = pool;
    this.#prepared = prepared;
    this.#context = context;
    this.#signal = signal;
    this.end = prepared.lookedUntil;
  }

  /** Whether two names are one to the server. */
  isSame(one: string, other: string): boolean {
    return one === other || this.#prepared.ignoresCase && one.toLowerCase() === other.toLowerCase();
  }

  /** Whether the stream's table is among them. */
  names(tables: readonly TableName[], { latest: { table: { table: own } } }: TableLog): boolean {
    return tables.some(({ database, table }) =>
      this.isSame(database, own.database) && this.isSame(table, own.table)
    );
  }

  /** The table as it is now. Throws StreamsFailed where it cannot be followed any more. */
  async look({ name, latest: { table: { action, request } } }: TableLog): Promise<Look> {
    try {
      return await this.#pool.use(action, this.#signal, async (session) => {
        const from = (await logStatus(session, action)).end;
        const table = await inspectTable(session, request, this.#context);
        return { table, from, until: (await logStatus(session, action)).end };
      });
    } catch (error) {
      throw ofStream(name, error);
    }
  }

  /** Whether a statement changes the table's columns between the two places. */
  async isChangedAgain(log: TableLog, from: Place, until: Place): Promise<boolean> {
    if (comparePlaces(from, until) >= 0) return false;
    const { action } = this.#prepared;
    await using scan = await openLog(this.#pool, this.#signal, {
      action,
      // Beside the reader of this run, and never in the place of a replica.
      serverId: randomServerId(),
      from: { place: from },
    });
    for await (const event of scan.events()) {
      if (comparePlaces(event.start, until) >= 0) return false;
      if (event.type !== EVENT.query && event.type !== EVENT.queryCompressed) continue;
      const { sql, database } = readQuery(event);
      const statement = readStatement(sql, database);
      const isChange = statement.kind === "columns" || statement.kind === "anew";
      if (isChange && this.names(statement.tables, log)) return true;
    }
    return false;
  }

  /**
   * Reads the table's rows as they are now; of the log before that nothing is taken any more. Throws StreamsFailed where
   * the table cannot be followed any more.
   */
  async *readTable(log: TableLog, reason: string): AsyncGenerator<FollowMessage, void, undefined> {
    const { action } = log.latest.table;
    try {
      yield* this.#readTable(log, reason);
    } catch (error) {
      throw ofStream(log.name, toMysqlError(action, error));
    }
  }

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
    log.beginAt({ table: snapshot.table, from: snapshot.place, until: snapshot.seen }, {
      position: snapshot.place,
      gtids: snapshot.gtids,
    });
    this.end = latest(this.end, snapshot.seen);
  }
}
