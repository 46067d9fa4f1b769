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
    const budget = { limit: 4, acquire: () => Promise.resolve({ [Symbol.dispose]: () => {} }) };
    const pool = new SessionPool(sessionOptions(own), "tests", budget);
    return new MysqlLoader(database, await Warehouse.open("/tmp"), pool);
  }

  async load(table: string, select: string, load: Partial<PartialLoad> = {}): Promise<LoadReceipt> {
    return await this.loadInput(table, await this.input(select, load.mode), load);
  }

  async input(select: string, mode: LoadMode = "replace"): Promise<LoadInput> {
    return await this.warehouse.input(select, never(), mode);
  }

  async loadInput(
    table: string,
    input: LoadInput,
    load: Partial<PartialLoad> = {},
    signal = never(),
  ): Promise<LoadReceipt> {
    const destination = createDestination(this.#pool, { name: "it", defaultDatabase: this.database.name });
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

/** The server of the tests, until they have all run. */
export async function mariadbOfTests(): Promise<MariadbServer> {
  const server = await acquireMariadb();
  Deno.test.afterAll(() => server[Symbol.asyncDispose]());
  return server;
}
