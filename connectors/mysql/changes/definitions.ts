import type { FollowMessage } from "../../../contract/connector/changes.ts";
import type { TableName } from "../table_name.ts";
import { reasonToReadAgain } from "./changed_facts.ts";
import type { PlacedEvent } from "./log/log_reader.ts";
import { comparePlaces, type Place, writePlace } from "./log/place.ts";
import type { Statement } from "./log/statements.ts";
import type { OpenTransaction } from "./log/transaction.ts";
import type { TableLog } from "./table_log.ts";
import type { TableReader } from "./table_reader.ts";
import type { ServerTexts } from "./values/server_texts.ts";

/** Follows what statements in the log do to the tables themselves. */
export class Definitions {
  readonly #reader: TableReader;
  readonly #logs: readonly TableLog[];
  readonly #texts: ServerTexts;

  constructor(reader: TableReader, logs: readonly TableLog[], texts: ServerTexts) {
    this.#reader = reader;
    this.#logs = logs;
    this.#texts = texts;
  }

  /** Those of the tables that are followed, and have not seen that place. */
  logsOf(tables: readonly TableName[], at: Place): readonly TableLog[] {
    return this.#logs.filter((log) => !log.has(at) && this.#reader.names(tables, log));
  }

  /** `commit` brings what was taken before to a commit, where there is something. */
  async *follow(
    statement: Exclude<
      Statement,
      { readonly kind: "begin" | "commit" | "rollback" | "rollback to" | "rows" }
    >,
    transaction: OpenTransaction,
    { start, endPlace }: PlacedEvent,
    commit: () => Generator<FollowMessage, void, undefined>,
  ): AsyncGenerator<FollowMessage, void, undefined> {
    switch (statement.kind) {
      case "truncate":
        for (const log of this.logsOf(statement.tables, start)) {
          transaction.hasTaken = true;
          yield* log.buffer(this.#texts).add("truncate", undefined, [], transaction);
        }
        return;
      case "columns":
        for (const log of this.logsOf(statement.tables, start)) yield* this.#reshape(log, endPlace, commit);
        return;
      case "anew":
        for (const log of this.logsOf(statement.tables, start)) {
          yield* this.#reader.readTable(
            log,
            `it was made anew, renamed or emptied in part at ${writePlace(start)}`,
          );
        }
        return;
      case "drop database":
        for (const log of this.#logs) {
          const { database } = log.latest.table.table;
          if (log.has(start) || !this.#reader.isSame(database, statement.database)) continue;
          yield* this.#reader.readTable(log, `its database was made anew at ${writePlace(start)}`);
        }
    }
  }

  /**
   * The table has other columns from here on. What they are is known where nothing changed them again before the
   * table was looked at; else the rows between cannot be read, and the table is read again.
   */
  async *#reshape(
    log: TableLog,
    at: Place,
    commit: () => Generator<FollowMessage, void, undefined>,
  ): AsyncGenerator<FollowMessage, void, undefined> {
    if (comparePlaces(log.latest.from, at) < 0) {
      log.latest = await this.#reader.look(log);
    }
    const { table, until } = log.latest;
    const reason = reasonToReadAgain({ ...table, before: { facts: log.facts } });
    if (reason !== undefined) return yield* this.#reader.readTable(log, reason);
    if (await this.#reader.isChangedAgain(log, at, until)) {
      return yield* this.#reader.readTable(
        log,
        "its columns changed more than once, and the log does not tell them apart",
      );
    }
    yield* commit();
    const gone = log.facts.read.filter((name) => !table.facts.columns.some((column) => column.name === name));
    if (gone.length > 0) {
      const message = `${log.name}: ${
        gone.join(", ")
      } is gone at the source; it stays here, NULL in rows that change`;
      yield { type: "log", level: "warn", message };
    }
    log.reshape();
  }

  /** Columns that changed without the log's telling of it (sql_log_bin = 0). */
  async *findUnlogged(): AsyncGenerator<FollowMessage, void, undefined> {
    for (const log of this.#logs) {
      if (!log.isCurrent) {
        yield* this.#reader.readTable(log, "its columns changed, which the log does not tell of");
      }
    }
  }
}
