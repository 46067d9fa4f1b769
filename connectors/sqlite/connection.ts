import { dirname, resolve } from "node:path";
import type { Connection, ConnectorContext } from "../../contract/connector/connector.ts";
import type { Destination } from "../../contract/connector/destination.ts";
import type { Source } from "../../contract/connector/source.ts";
import { AppError } from "../../contract/errors.ts";
import { SqliteDatabase } from "./driver.ts";
import { onlyStream } from "../one_stream.ts";
import type { SqliteStream, SqliteTarget } from "./options.ts";
import { discoverStreams } from "./read/discover.ts";
import { greatestOf } from "./read/cursor_filter.ts";
import { planStream } from "./read/plan.ts";
import { readStream } from "./read/read_rows.ts";
import { createDestination } from "./load/destination.ts";

/** A database file, opened anew for each use. */
export class SqliteConnection implements Connection {
  readonly source: Source<SqliteStream>;
  readonly destination: Destination<SqliteTarget>;
  readonly unasked = "its file is opened when it is read or written";

  constructor(config: { readonly path: string }, context: ConnectorContext) {
    const path = resolve(context.projectDir, config.path);
    const toRead = { path, readOnly: true, subject: `read "${config.path}"` };
    this.source = {
      pushdown: { columns: true, where: true },
      async *discover(signal) {
        signal.throwIfAborted();
        await checkFile(path, config.path);
        using database = SqliteDatabase.open(path, toRead);
        yield* discoverStreams(
          database,
          (message) => context.log("warn", `Discovering "${context.name}": ${message}`),
        );
      },
      async describe(stream, signal) {
        signal.throwIfAborted();
        await checkFile(path, config.path);
        using database = SqliteDatabase.open(path, toRead);
        const { schema, primaryKey } = await planStream(database, stream);
        return primaryKey.length === 0 ? { schema } : { schema, primaryKey };
      },
      async greatest(stream, column, signal) {
        signal.throwIfAborted();
        await checkFile(path, config.path);
        using database = SqliteDatabase.open(path, toRead);
        return await greatestOf(database, await planStream(database, stream), column);
      },
      async *read({ streams }, signal) {
        const stream = onlyStream(streams);
        await checkFile(path, config.path);
        using database = SqliteDatabase.open(path, toRead);
        database.execute("BEGIN");
        for await (const part of readStream(database, stream, signal)) {
          yield "batch" in part
            ? { type: "rows", stream: stream.name, batch: part.batch }
            : { type: "reject", stream: stream.name, reject: part.reject };
        }
      },
    };
    this.destination = createDestination(context.name, async (subject) => {
      const isNew = await makeFolder(path, config.path);
      const database = SqliteDatabase.open(path, { readOnly: false, subject });
      // Readers of a database in WAL mode do not wait for a load, nor it for them.
      if (isNew) database.execute("PRAGMA journal_mode = WAL");
      return database;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Each use opens the file for itself.
  }
}

/** SQLite's own message does not tell a missing file from one that may not be read. */
async function checkFile(path: string, shown: string): Promise<void> {
  let info;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new AppError("not_found", `Cannot read "${shown}": the database does not exist`, {
        cause: error,
      });
    }
    throw new AppError("forbidden", `Cannot read "${shown}": permission denied`, { cause: error });
  }
  if (info.isDirectory) {
    throw new AppError("invalid", `Cannot read "${shown}": it is a folder, not a database`);
  }
  if (info.size === 0) {
    throw new AppError("invalid", `Cannot read "${shown}": the database is empty (0 bytes)`);
  }
}

/** Whether the file does not exist yet. */
async function makeFolder(path: string, shown: string): Promise<boolean> {
  try {
    const info = await Deno.stat(path);
    if (info.isDirectory) {
      throw new AppError("invalid", `Cannot write "${shown}": it is a folder, not a database`);
    }
    return info.size === 0;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    return true;
  } catch (error) {
    // The folder is there, and may not be touched itself.
    if (error instanceof Deno.errors.NotCapable) return true;
    throw new AppError("forbidden", `Cannot write "${shown}": its folder cannot be made`, { cause: error });
  }
}
