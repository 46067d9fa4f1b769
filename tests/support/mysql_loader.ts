import { createDestination } from "../../connectors/mysql/load/destination.ts";
import { SessionPool } from "../../connectors/mysql/session_pool.ts";
import type { LoadInput, LoadMode, LoadReceipt } from "../../contract/connector/destination.ts";
import { type PartialLoad, Warehouse } from "../conformance/warehouse.ts";
import { never, performLoad } from "./connections.ts";
import { acquireMariadb, type MariadbDatabase, type MariadbServer } from "./mariadb.ts";
import { sessionOptions } from "./mysql_session.ts";

/** Loads SELECTs of DuckDB into an empty database, by the connector's own destination. */
export class MysqlLoader implements AsyncDisposable {
  readonly database: MariadbDatabase;
  readonly warehouse: Warehouse;
  readonly #pool: SessionPool;

  private constructor(database: MariadbDatabase, warehouse: Warehouse, pool: SessionPool) {
    this.database = database;
    this.warehouse = warehouse;
    this.#pool = pool;
  }

  /** `url` is of another user, who may do less. */
  static async open(server: MariadbServer, url?: (database: MariadbDatabase) => Promise<string>) {
    const database = await server.createDatabase();
    const own = await url?.(database) ?? database.url;
    return new MysqlLoader(database, await Warehouse.open("/tmp"), poolAt(own));
  }

  async load(table: string, select: string, load: Partial<PartialLoad> = {}): Promise<LoadReceipt> {
    return await this.loadInput(table, await this.input(select, load.mode), load);
  }

  async input(select: string, mode: LoadMode = "replace"): Promise<LoadInput> {
    return await this.warehouse.input(select, never(), mode);
  }

  /** The same by way of another address. */
  async loadThrough(
    url: string,
    table: string,
    select: string,
    load: Partial<PartialLoad>,
  ): Promise<LoadReceipt> {
    await using pool = poolAt(url);
    return await this.loadInput(table, await this.input(select, load.mode), load, never(), pool);
  }

  async loadInput(
    table: string,
    input: LoadInput,
    load: Partial<PartialLoad> = {},
    signal = never(),
    pool = this.#pool,
  ): Promise<LoadReceipt> {
    const destination = createDestination(pool, { name: "it", defaultDatabase: this.database.name });
    const request = { loadId: crypto.randomUUID(), mode: "replace", primaryKey: [], ...load } as const;
    return await performLoad(
      destination,
      { ...request, target: { table, options: {} }, input },
      signal,
    );
  }

  /** The rows of a query, their cells as text with blanks between. */
  async rows(query: string): Promise<string[]> {
    return (await this.database.run(query)).map((row) => Object.values(row).map(String).join(" "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
    await this.warehouse[Symbol.asyncDispose]();
    await this.database[Symbol.asyncDispose]();
  }
}

function poolAt(url: string): SessionPool {
  const budget = { limit: 4, acquire: () => Promise.resolve({ [Symbol.dispose]: () => {} }) };
  return new SessionPool(sessionOptions(url), "tests", budget);
}

/** The server of the tests, until they have all run. */
export async function mariadbOfTests(): Promise<MariadbServer> {
  const server = await acquireMariadb();
  Deno.test.afterAll(() => server[Symbol.asyncDispose]());
  return server;
}
