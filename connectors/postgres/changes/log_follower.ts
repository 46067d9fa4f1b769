import type {
  ChangesMessage,
  ChangeTransaction,
  FollowMessage,
  FollowProgress,
} from "../../../contract/connector/changes.ts";
import { formatBytes } from "../../../text/format.ts";
import { ofStream } from "../../of_stream.ts";
import type { SessionPool } from "../session_pool.ts";
import { ConnectionLostError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";
import { ChangeBuffer } from "./change_buffer.ts";
import { type FollowedTable, stateOf } from "./followed_table.ts";
import { type LoggedRelation, planRelation } from "./logged_relation.ts";
import { type LogBatch, LogStream } from "./log_stream.ts";
import { earliest, parseLsn, writeLsn } from "./lsn.ts";
import { isSameRelation, type LogMessage, type Relation } from "./pgoutput.ts";
import type { Preparation } from "./prepare.ts";
import { slotStatus, whenFree } from "./slot.ts";
import { bytesBetween, progressOf } from "./slot_progress.ts";

/** Changes between two commits, at the least: each of them looks at the whole table's keys. */
const CHANGES_A_COMMIT = 250_000;

/** Each has some megabytes. */
const MAX_DECODERS = 8;

/** Reads the log up to where it was when the reading began. */
export class LogFollower {
  readonly #pool: SessionPool;
  readonly #prepared: Preparation;
  readonly #positions: Map<string, bigint>;
  readonly #signal: AbortSignal;
  readonly #tables: ReadonlyMap<number, FollowedTable>;
  readonly #buffers = new Map<number, ChangeBuffer>();
  #transaction: (ChangeTransaction & { readonly commitLsn: bigint }) | undefined;
  #place: bigint;
  #changes = 0;
  /** Whether anything of the transaction was taken. */
  #hasTaken = false;
  /** Where the reading ends. */
  #target = 0n;
  /** When the last whole transaction was committed. */
  #upToMs: number | null = null;

  constructor(
    pool: SessionPool,
    prepared: Preparation,
    positions: Map<string, bigint>,
    signal: AbortSignal,
  ) {
    this.#pool = pool;
    this.#prepared = prepared;
    this.#positions = positions;
    this.#signal = signal;
    this.#tables = new Map(prepared.tables.map((table) => [table.facts.table, table]));
    this.#place = earliest([...positions.values()]) ?? 0n;
  }

  async *run(replication: Session): AsyncGenerator<FollowMessage, void, undefined> {
    const beganMs = Date.now();
    const target = await markEnd(replication);
    this.#target = target;
    using log = new LogStream(replication, this.#confirmable);
    let isOver = false;
    for await (const messages of this.#startReading(log)) {
      if (isOver) continue;
      for (const message of messages()) {
        if (message.type === "relation") {
          yield* this.#commitBefore(message.relation);
          log.confirm(this.#confirmable);
        }
        if (message.type !== "keepalive") yield* this.#take(message);
        else if (this.#transaction === undefined) this.#reach(message.endLsn);
        if (this.#transaction !== undefined) continue;
        isOver = this.#place >= target;
        if (!isOver && this.#changes < CHANGES_A_COMMIT) continue;
        if (isOver) {
          if (this.#hasNewShapes) yield* this.#commit(false);
          yield* this.#newShapes();
        }
        yield* this.#commit(isOver);
        log.confirm(this.#confirmable);
        if (isOver) break;
      }
      if (isOver) log.end();
    }
    yield* this.#end(beganMs);
  }

  /** All is confirmed: looks at what the server keeps now. */
  async *#end(beganMs: number): AsyncGenerator<FollowMessage, void, undefined> {
    const { action, slot, status: before, tables } = this.#prepared;
    const status = await this.#pool.use(
      action,
      this.#signal,
      (session) => slotStatus(session, slot.name, { action, version: slot.version }),
    );
    if (status !== undefined) {
      const how = { position: this.#place, upToMs: beganMs, isCaughtUp: true };
      yield {
        type: "progress",
        progress: progressOf({ slot: slot.name, status, options: slot.options }, how),
      };
    }
    const what = tables.length === 1 ? "one table" : `${tables.length} tables`;
    yield {
      type: "log",
      level: "info",
      message: `Followed ${what} up to ${writeLsn(this.#place)}; before, the slot ${slot.name} kept ` +
        `${formatBytes(before?.retainedBytes ?? 0)} of the log`,
    };
  }

  /** Waits for the slot where it is still in use. */
  async *#startReading(log: LogStream): AsyncGenerator<LogBatch, void, undefined> {
    const { action, publication, slot } = this.#prepared;
    const { batches, first } = await whenFree(action, slot.name, async () => {
      const batches = log.read(slot.name, this.#place, publication.name);
      return { batches, first: await batches.next() };
    });
    if (first.done !== true) yield first.value;
    yield* batches;
  }

  #reach(lsn: bigint): void {
    if (lsn > this.#place) this.#place = lsn;
  }

  /** What every stream of the pipeline has seen. */
  get #confirmable(): bigint {
    return earliest([...this.#positions.values(), ...this.#prepared.resting]) ?? 0n;
  }

  async *#take(message: LogMessage): AsyncGenerator<ChangesMessage, void, undefined> {
    switch (message.type) {
      case "begin": {
        const { commitLsn, committedAtUs } = message;
        this.#hasTaken = false;
        this.#transaction = { commitLsn, committedAtUs, position: writeLsn(commitLsn) };
        return;
      }
      case "commit":
        this.#upToMs = Number((this.#transaction?.committedAtUs ?? 0n) / 1_000n);
        this.#transaction = undefined;
        this.#reach(message.endLsn);
        return;
      case "relation":
        return yield* this.#meet(message.relation);
      case "insert":
        return yield* this.#change(message.relation, (buffer, at) => buffer.add("insert", message.row, at));
      case "update":
        return yield* this.#change(
          message.relation,
          (buffer, at) => buffer.update(message.row, message.old, message.isKey, at),
        );
      case "delete":
        return yield* this.#change(message.relation, (buffer, at) => buffer.add("delete", message.old, at));
      case "truncate":
        for (const relation of message.relations) {
          yield* this.#change(relation, (buffer, at) => buffer.add("truncate", undefined, at));
        }
    }
  }

  /**
   * A table whose columns change is brought to a commit first, as a warehouse does not like it when a table
   * changes that has uncommitted rows. Not in the middle of a transaction: that is kept whole.
   */
  *#commitBefore(relation: Relation): Generator<FollowMessage, void, undefined> {
    const known = this.#buffers.get(relation.oid);
    if (known === undefined || this.#hasTaken || this.#changes === 0) return;
    if (isSameRelation(known.logged.relation, relation)) return;
    if (this.#transaction !== undefined) this.#reach(this.#transaction.commitLsn);
    yield* this.#commit(false);
  }

  /** The log tells what a table looks like before its first change, and where that is another. */
  async *#meet(relation: Relation): AsyncGenerator<ChangesMessage, void, undefined> {
    const table = this.#tables.get(relation.oid);
    const known = this.#buffers.get(relation.oid);
    if (table === undefined || known !== undefined && isSameRelation(known.logged.relation, relation)) return;
    if (known !== undefined) yield* known.flush();
    const logged = await this.#plan(relation, table);
    this.#buffers.set(relation.oid, new ChangeBuffer(logged, this.#prepared));
  }

  async #plan(relation: Relation, table: FollowedTable): Promise<LoggedRelation> {
    try {
      return await this.#pool.use(
        table.action,
        this.#signal,
        (session) => planRelation(session, relation, table),
      );
    } catch (error) {
      throw ofStream(table.name, error);
    }
  }

  /** Of transactions that a snapshot has already, nothing is taken. */
  #change(
    relation: number,
    add: (buffer: ChangeBuffer, at: ChangeTransaction) => ChangesMessage[],
  ): ChangesMessage[] {
    const table = this.#tables.get(relation);
    const buffer = this.#buffers.get(relation);
    const transaction = this.#transaction;
    if (table === undefined || transaction === undefined) return [];
    if (transaction.commitLsn < (this.#positions.get(table.name) ?? 0n)) return [];
    if (buffer === undefined) throw new ConnectionLostError("the server's log has a row of an unknown table");
    this.#changes += 1;
    this.#hasTaken = true;
    return add(buffer, transaction);
  }

  get #hasNewShapes(): boolean {
    return this.#changes > 0 && this.#prepared.tables.some((table) => this.#hasNewShape(table));
  }

  #hasNewShape({ name, facts, before }: FollowedTable): boolean {
    return before !== undefined && !this.#isReadAnew(name) &&
      JSON.stringify(before.facts.columns) !== JSON.stringify(facts.columns);
  }

  /** The columns that tables have now, for those that no change has shown. */
  async *#newShapes(): AsyncGenerator<FollowMessage, void, undefined> {
    for (const table of this.#prepared.tables) {
      const { name, facts, before, generated } = table;
      if (before === undefined || !this.#hasNewShape(table)) continue;
      const gone = before.facts.read.filter((column) => !facts.columns.some(([known]) => known === column));
      if (gone.length > 0) {
        const message = `${name}: ${
          gone.join(", ")
        } is gone at the source; it stays here, NULL in rows that change`;
        yield { type: "log", level: "warn", message };
      }
      const columns = facts.columns.filter(([column]) => !generated.includes(column));
      const relation: Relation = {
        oid: facts.table,
        columns: columns.map(([column, typeOid, typeModifier]) => ({ name: column, typeOid, typeModifier })),
      };
      const logged = await this.#plan(relation, table);
      yield new ChangeBuffer(logged, this.#prepared).empty();
    }
  }

  #isReadAnew = (name: string): boolean => this.#prepared.toRead.some(({ table }) => table.name === name);

  /** What was looked at when the run began holds for the log up to its end, not for a place in its middle. */
  *#commit(isLast: boolean): Generator<FollowMessage, void, undefined> {
    for (const buffer of this.#buffers.values()) {
      yield* buffer.flush();
      if (this.#buffers.size > MAX_DECODERS) buffer.release();
    }
    this.#changes = 0;
    const states = this.#prepared.tables.map((table) => {
      const { name, before, facts } = table;
      const position = latest(this.#positions.get(name) ?? 0n, this.#place);
      this.#positions.set(name, position);
      const known = isLast || before === undefined || this.#isReadAnew(name) ? facts : before.facts;
      return [name, stateOf(known, position)] as const;
    });
    yield { type: "commit", states: Object.fromEntries(states), isLast };
    if (!isLast) yield { type: "progress", progress: this.#progress() };
  }

  /** In the middle, of what was asked when it began. */
  #progress(): FollowProgress {
    const { slot, status } = this.#prepared;
    const [position, upToMs] = [this.#place, this.#upToMs];
    const behindBytes = bytesBetween(position, this.#target);
    if (status !== undefined) {
      const asked = progressOf({ slot: slot.name, status, options: slot.options }, { position, upToMs });
      return { ...asked, behindBytes };
    }
    return {
      position: writeLsn(position),
      behindBytes,
      retainedBytes: null,
      upToMs,
      isCaughtUp: false,
      warning: null,
    };
  }
}

const latest = (one: bigint, other: bigint): bigint => one > other ? one : other;

/**
 * Returns a place in the log behind everything that was committed before. The message that marks it is also
 * flushed, and with it what was committed without waiting for that (synchronous_commit = off).
 */
async function markEnd(session: Session): Promise<bigint> {
  const { rows: [row] } = await session.query(
    "BEGIN; SET LOCAL synchronous_commit = on; " +
      "SELECT pg_catalog.pg_logical_emit_message(true, 'sluice', 'followed up to here'); COMMIT",
  );
  return parseLsn(row?.[0] ?? "");
}
