import { deepStrictEqual, ok } from "node:assert/strict";
import { dirname } from "node:path";
import { Field, Int64, Schema, Utf8 } from "apache-arrow";
import type { RecordBatch } from "apache-arrow";
import { batchesOf, connectorContext, streamOf, targetOf } from "../../../support/connections.ts";
import type { Connection } from "../../../../contract/connector/connector.ts";
import type { LoadInput, LoadMode, LoadReceipt } from "../../../../contract/connector/destination.ts";
import { AppError } from "../../../../contract/errors.ts";
import { file } from "../../../../connectors/files/connector.ts";
import { carryOut } from "../../../../engine/worker/load.ts";
import { copyRows } from "../../../../engine/duckdb/from/copy.ts";
import { type Database, openDatabase } from "../../../../engine/duckdb/database.ts";

/** A project folder with a connector of files, read and written by a DuckDB of its own. */
export class FileBench implements AsyncDisposable {
  readonly folder: string;
  readonly connection: Connection;
  readonly signal = new AbortController().signal;
  readonly #database: Database;

  private constructor(folder: string, connection: Connection, database: Database) {
    this.folder = folder;
    this.connection = connection;
    this.#database = database;
  }

  static async create(): Promise<FileBench> {
    return await FileBench.at(await Deno.makeTempDir({ prefix: "sluice-file-" }));
  }

  /** On a folder that is there; it is removed at the end all the same. */
  static async at(folder: string, connection?: Connection): Promise<FileBench> {
    const database = await openDatabase({ path: ":memory:", allowedDirectories: [folder], threads: 2 });
    return new FileBench(
      folder,
      connection ?? await file.open({}, connectorContext(folder)),
      database,
    );
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    const path = `${this.folder}/${name}`;
    await Deno.mkdir(dirname(path), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(path, content);
    else await Deno.writeFile(path, content);
  }

  /** Reads the path into a table as an extract step does; answers its types and rows. */
  async read(path: string, options: Record<string, unknown> = {}, select = "SELECT * FROM t") {
    const scan = await this.connection.source?.scan?.(streamOf(file, { path, options }), this.signal);
    ok(scan !== undefined);
    await using session = await this.#database.session();
    let described: string[] = [];
    try {
      described = (await session.describe(`SELECT * FROM ${scan.relation}`)).map(({ name }) => name);
      await using prepared = await scan.prepare?.(this.signal);
      const relation = prepared?.relation ?? scan.relation;
      await session.run(`CREATE TEMP TABLE t AS SELECT * FROM ${relation}`);
    } catch (error) {
      throw await scan.explain(error);
    }
    await scan.verify();
    deepStrictEqual((await session.describe("SELECT * FROM t")).map(({ name }) => name), described);
    const types = (await session.describe("SELECT * FROM t")).map(({ name, type }) => `${name} ${type}`);
    return { types, rows: (await session.rows(select)).map((row) => Object.values(row)) };
  }

  /** The message of the failure, which must be an AppError of this code. */
  async failure(code: AppError["code"], work: Promise<unknown>): Promise<string> {
    let caught: unknown;
    await work.catch((error) => caught = error);
    ok(caught instanceof AppError, `not an AppError: ${caught}`);
    ok(caught.code === code, `${caught.code}: ${caught.message}`);
    return caught.message;
  }

  readArrow(path: string): AsyncIterable<RecordBatch> {
    const { source } = this.connection;
    if (source === undefined) throw new Error("the connector is no source");
    return batchesOf(source.read({ streams: [streamOf(file, { path })] }, this.signal));
  }

  /** Loads the rows of VALUES of (id, name); `sabotage` may break the copy after it is made. */
  async load(target: string, values: string, load: {
    readonly loadId?: string;
    readonly mode?: LoadMode;
    readonly primaryKey?: readonly string[];
    readonly options?: Record<string, unknown>;
    /** Other rows than those of the values. */
    readonly rows?: { readonly select: string; readonly schema: Schema };
    readonly sabotage?: (path: string) => Promise<void>;
    /** Hears of each named point of the load. */
    readonly reach?: (point: string) => void;
  } = {}): Promise<LoadReceipt> {
    await using database = await openDatabase({
      path: ":memory:",
      allowedDirectories: [this.folder],
      threads: 1,
    });
    await using session = await database.session();
    const select = load.rows?.select ??
      `SELECT id::BIGINT AS id, name::VARCHAR AS name FROM (VALUES ${values}) AS t(id, name) WHERE id IS NOT NULL`;
    const [count] = await session.rows(`SELECT count(*) AS n FROM (${select})`);
    const input: LoadInput = {
      schema: load.rows?.schema ??
        new Schema([new Field("id", new Int64(), true), new Field("name", new Utf8(), true)]),
      rows: Number(count?.["n"]),
      batches: () => {
        throw new Error("not used");
      },
      copyTo: async (path, options) => {
        const rows = await copyRows(session, select, path, options);
        await load.sabotage?.(path);
        return rows;
      },
      hash: () => Promise.resolve(null),
    };
    const { destination } = this.connection;
    if (destination?.kind !== "transactional") throw new Error("the connector has no transactions");
    await using begun = await destination.begin({
      loadId: load.loadId ?? crypto.randomUUID(),
      target: targetOf(file, { path: target, options: load.options ?? {} }),
      mode: load.mode ?? "replace",
      primaryKey: load.primaryKey ?? [],
    }, this.signal);
    return await carryOut(begun, () => Promise.resolve(input), { reach: load.reach ?? (() => {}) });
  }

  /** Relative paths of all files, hidden ones too. */
  async files(folder = ""): Promise<string[]> {
    const found: string[] = [];
    for await (const entry of Deno.readDir(`${this.folder}/${folder}`)) {
      const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory) found.push(...await this.files(name));
      else found.push(name);
    }
    return found.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}
