import { dirname, resolve } from "node:path";
import type { Connection, ConnectorContext, Destination, Source } from "../../contract/connector.ts";
import { AppError } from "../../contract/errors.ts";
import { SqliteDatabase } from "./driver.ts";
import { parseOptions, streamOptionsSchema } from "./options.ts";
import { planStream, readStream } from "./read/rows.ts";
import { loadTable } from "./load/table.ts";

/** A database file, opened anew for each use. */
export class SqliteConnection implements Connection {
  readonly source: Source;
  readonly destination: Destination;

  constructor(config: { readonly path: string }, context: ConnectorContext) {
    const path = resolve(context.projectDir, config.path);
    const toRead = { path, readOnly: true, subject: `read "${config.path}"` };
    const toWrite = { path, readOnly: false, subject: `write "${config.path}"` };
    this.source = {
      async describe(stream, signal) {
        signal.throwIfAborted();
        await checkFile(path, config.path);
        using database = SqliteDatabase.open(path, toRead);
        return planStream(database, stream, parseOptions(streamOptionsSchema, stream.options, stream.name))
          .schema;
      },
      async *read(request, signal) {
        await checkFile(path, config.path);
        using database = SqliteDatabase.open(path, toRead);
        const options = parseOptions(streamOptionsSchema, request.stream.options, request.stream.name);
        yield* readStream(database, request, options, signal);
      },
    };
    this.destination = {
      async load(request, signal) {
        const isNew = await makeFolder(path, config.path);
        using database = SqliteDatabase.open(path, toWrite);
        // Readers of a database in WAL mode do not wait for a load, nor it for them.
        if (isNew) database.execute("PRAGMA journal_mode = WAL");
        return await loadTable(database, request, context, signal);
      },
    };
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
