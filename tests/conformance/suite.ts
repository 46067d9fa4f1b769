import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import * as v from "valibot";
import type { Connection, Cursor, LoadInput, LoadReceipt, StreamRequest } from "../../contract/connector.ts";
import { AppError } from "../../contract/errors.ts";
import { quoteIdentifier } from "../../contract/sql.ts";
import { connectorContext, never, performLoad, streamOf, targetOf } from "../support/connections.ts";
import { CONTRACT_TYPES, type Fixture, HOSTILE_NAMES, type RunningSystem } from "./fixture.ts";
import { type PartialLoad, Warehouse } from "./warehouse.ts";

/** Registers the tests that every connector passes; fixture.ts says what it needs to know. */
export function conformance(fixture: Fixture): void {
  registerConfig(fixture);
  registerRoundTrips(fixture);
  registerReads(fixture);
  registerLoads(fixture);
}

class Bench implements AsyncDisposable {
  readonly fixture: Fixture;
  readonly system: RunningSystem;
  readonly warehouse: Warehouse;
  readonly connection: Connection;
  readonly signal = new AbortController().signal;

  private constructor(fixture: Fixture, system: RunningSystem, warehouse: Warehouse, connection: Connection) {
    this.fixture = fixture;
    this.system = system;
    this.warehouse = warehouse;
    this.connection = connection;
  }

  static async start(fixture: Fixture): Promise<Bench> {
    const system = await fixture.start();
    const { connector } = fixture;
    const config = v.parse(connector.configSchema, system.config);
    const connection = await connector.open(config, connectorContext(system.projectDir));
    return new Bench(fixture, system, await Warehouse.open(system.projectDir), connection);
  }

  async load(table: string, select: string, load: PartialLoad): Promise<LoadReceipt> {
    return await this.loadInput(table, await this.warehouse.input(select, this.signal), load);
  }

  async loadInput(
    table: string,
    input: LoadInput,
    load: PartialLoad,
    signal: AbortSignal = this.signal,
  ): Promise<LoadReceipt> {
    const { destination } = this.connection;
    if (destination === undefined) throw new Error("the connector is no destination");
    const target = targetOf(this.fixture.connector, this.system.target(table));
    return await performLoad(destination, { primaryKey: [], ...load, target, input }, signal);
  }

  stream(table: string, cursor?: Cursor): StreamRequest {
    return streamOf(this.fixture.connector, this.system.stream(table), cursor);
  }

  /** Reads the table into the warehouse's table `back`. */
  async readBack(table: string, cursor?: Cursor) {
    return await this.warehouse.extract(this.connection, this.stream(table, cursor), "back", this.signal);
  }

  async rowsBack(table: string, select = "SELECT * FROM back"): Promise<string[]> {
    await this.readBack(table);
    return await this.warehouse.texts(select);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
    await this.warehouse[Symbol.asyncDispose]();
    await this.system[Symbol.asyncDispose]();
  }
}

function registerConfig({ name, connector, start }: Fixture): void {
  Deno.test(`${name}: an unknown key of the config is a fault`, async () => {
    await using system = await start();
    ok(v.safeParse(connector.configSchema, system.config).success);
    ok(!v.safeParse(connector.configSchema, { ...system.config, no_such_key: 1 }).success);
  });

  Deno.test(`${name}: an unknown key or option of a stream or a load is a fault`, async () => {
    await using system = await start();
    for (
      const [schema, own] of [
        [connector.streamSchema, system.stream("t")],
        [connector.loadSchema, system.target("t")],
      ] as const
    ) {
      ok(schema !== undefined);
      ok(v.safeParse(schema, own).success);
      ok(!v.safeParse(schema, { ...own, no_such_key: 1 }).success);
      ok(!v.safeParse(schema, { ...own, options: { no_such_key: 1 } }).success);
    }
  });

  Deno.test(`${name}: access() answers at once, with absolute paths and host:port`, async () => {
    await using system = await start();
    const config = v.parse(connector.configSchema, system.config);
    const uses = [
      { kind: "source", stream: streamOf(connector, system.stream("t")).address },
      { kind: "destination", target: targetOf(connector, system.target("t")) },
    ] as const;
    for (const use of uses) {
      const access = connector.access(config, use, { name: "it", projectDir: "/no/such/folder" });
      for (const path of [...access.read, ...access.write]) ok(path.startsWith("/"), path);
      for (const host of access.hosts) ok(/:\d+$/.test(host), host);
    }
  });

  Deno.test(`${name}: no message holds a secret`, async () => {
    await using system = await start();
    const config = v.parse(connector.configSchema, system.config);
    const secrets = system.secrets ?? [];
    deepStrictEqual(secrets.filter((secret) => !connector.secrets(config).includes(secret)), []);
    if (system.brokenConfig === undefined) return;
    const broken = v.parse(connector.configSchema, system.brokenConfig);
    const brokenSecrets = [...secrets, ...connector.secrets(broken)];
    const error = await failureOf(async () => {
      await using connection = await connector.open(broken, connectorContext(system.projectDir));
      await connection.source?.describe(streamOf(connector, system.stream("t")), never());
    });
    for (const secret of brokenSecrets) {
      ok(!`${error.message} ${error.detail} ${error.stack}`.includes(secret), "a secret is in the message");
    }
  });
}

async function failureOf(work: () => Promise<unknown>): Promise<AppError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

function registerRoundTrips(fixture: Fixture): void {
  const { name } = fixture;
  for (const [type, values] of Object.entries(CONTRACT_TYPES)) {
    const back = fixture.typeBack(type);
    const select = `SELECT * FROM (VALUES ${
      [...values, "NULL"].map((value, index) => `(${index}, CAST(${value} AS ${type}))`).join(", ")
    }) AS t(id, value)`;
    if (back === undefined) {
      Deno.test(`${name}: ${type} is refused, not changed`, async () => {
        await using bench = await Bench.start(fixture);
        const error = await failureOf(() => bench.load("t", select, { loadId: "a", mode: "replace" }));
        strictEqual(error.code, "invalid");
      });
      continue;
    }
    Deno.test(`${name}: ${type} comes back as it was, as ${back}`, async () => {
      await using bench = await Bench.start(fixture);
      await bench.load("t", select, { loadId: "a", mode: "replace" });
      const columns = await bench.readBack("t");
      strictEqual(columns[1]?.type, back);
      deepStrictEqual(
        await bench.warehouse.texts(`SELECT id, CAST(value AS ${type}) FROM back`),
        await bench.warehouse.texts(select),
      );
    });
  }

  Deno.test(`${name}: names of columns and tables are taken as they are`, async () => {
    await using bench = await Bench.start(fixture);
    const names = HOSTILE_NAMES.filter((hostile) => !fixture.impossibleNames?.includes(hostile));
    const select = `SELECT ${names.map((hostile, i) => `${i} AS ${quoteIdentifier(hostile)}`).join(", ")}`;
    await bench.load("t", select, { loadId: "a", mode: "replace" });
    const columns = await bench.readBack("t");
    deepStrictEqual(columns.map((column) => column.name), [...names]);
    deepStrictEqual(await bench.warehouse.texts("SELECT * FROM back"), await bench.warehouse.texts(select));
  });

  Deno.test(`${name}: 200 columns come back in their order`, async () => {
    await using bench = await Bench.start(fixture);
    const names = Array.from({ length: 200 }, (_, i) => `c${i}`);
    await bench.load("t", `SELECT ${names.map((column, i) => `${i} AS ${column}`).join(", ")}`, {
      loadId: "a",
      mode: "replace",
    });
    deepStrictEqual((await bench.readBack("t")).map((column) => column.name), names);
  });

  Deno.test(`${name}: more rows than fit in one batch come back once each`, async () => {
    await using bench = await Bench.start(fixture);
    const result = await bench.load("t", "SELECT i AS id, 'row ' || i AS name FROM range(150000) r(i)", {
      loadId: "a",
      mode: "replace",
    });
    strictEqual(result.rows, 150_000);
    await bench.readBack("t");
    deepStrictEqual(
      await bench.warehouse.texts(
        "SELECT count(*), count(DISTINCT id), sum(id), count(DISTINCT name) FROM back",
      ),
      ['["150000","150000","11249925000","150000"]'],
    );
  });

  Deno.test(`${name}: a table without rows keeps its columns`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load("t", "SELECT 1 AS id, 'x' AS name WHERE false", { loadId: "a", mode: "replace" });
    const columns = await bench.readBack("t");
    deepStrictEqual(columns.map((column) => column.name), ["id", "name"]);
    deepStrictEqual(await bench.warehouse.texts("SELECT * FROM back"), []);
  });
}

function registerReads(fixture: Fixture): void {
  const { name } = fixture;
  Deno.test(`${name}: a stream that does not exist is not_found and named`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load("another", TWO_ROWS, { loadId: "a", mode: "replace" });
    const error = await failureOf(() => bench.readBack("no_such_table"));
    strictEqual(error.code, "not_found");
    ok(error.message.includes("no_such_table"), error.message);
  });

  Deno.test(`${name}: a cursor gives ties, greater values and NULLs, and nothing else`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load(
      "t",
      "SELECT * FROM (VALUES (1, 5), (2, 10), (3, 10), (4, 11), (5, NULL)) AS t(id, seen)",
      { loadId: "a", mode: "replace" },
    );
    await bench.readBack("t", { column: "seen", value: "10", type: "BIGINT" });
    deepStrictEqual(await bench.warehouse.texts("SELECT id FROM back"), ['["2"]', '["3"]', '["4"]', '["5"]']);
  });

  Deno.test(`${name}: a cursor of microseconds is exact`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load(
      "t",
      `SELECT * FROM (VALUES (1, TIMESTAMP '2024-01-01 00:00:00'), (2, TIMESTAMP '2024-01-01 00:00:00.000001'),
       (3, TIMESTAMP '2024-01-01 00:00:00.000002'), (4, TIMESTAMP '2024-01-01 00:00:01')) AS t(id, seen)`,
      { loadId: "a", mode: "replace" },
    );
    await bench.readBack("t", { column: "seen", value: "2024-01-01 00:00:00.000001", type: "TIMESTAMP" });
    deepStrictEqual(await bench.warehouse.texts("SELECT id FROM back"), ['["2"]', '["3"]', '["4"]']);
  });

  Deno.test(`${name}: reading stops at an aborted signal`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load("t", "SELECT i AS id FROM range(150000) r(i)", { loadId: "a", mode: "replace" });
    const controller = new AbortController();
    const { source } = bench.connection;
    const stream = bench.stream("t");
    await rejects(async () => {
      if (await source?.scan?.(stream, bench.signal) !== undefined) {
        controller.abort();
        await source?.scan?.(stream, controller.signal);
        return;
      }
      for await (const _batch of source?.read({ streams: [stream] }, controller.signal) ?? []) {
        controller.abort();
      }
    });
  });
}

const TWO_ROWS = "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(id, name)";
const OTHER_ROWS = "SELECT * FROM (VALUES (2, 'B'), (3, 'C')) AS t(id, name)";

function registerLoads(fixture: Fixture): void {
  const { name, modes } = fixture;
  Deno.test(`${name}: replace leaves just the new rows`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load("t", TWO_ROWS, { loadId: "a", mode: "replace" });
    const result = await bench.load("t", OTHER_ROWS, { loadId: "b", mode: "replace" });
    deepStrictEqual([result.rows, result.repeated], [2, false]);
    deepStrictEqual(await bench.rowsBack("t"), ['["2","B"]', '["3","C"]']);
  });

  Deno.test(`${name}: replace takes other columns`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load("t", TWO_ROWS, { loadId: "a", mode: "replace" });
    await bench.load("t", "SELECT 'x' AS other, 7 AS id", { loadId: "b", mode: "replace" });
    deepStrictEqual((await bench.readBack("t")).map((column) => column.name), ["other", "id"]);
  });

  if (modes.includes("append")) {
    Deno.test(`${name}: append adds the rows`, async () => {
      await using bench = await Bench.start(fixture);
      await bench.load("t", TWO_ROWS, { loadId: "a", mode: "append" });
      await bench.load("t", OTHER_ROWS, { loadId: "b", mode: "append" });
      deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","B"]', '["2","b"]', '["3","C"]']);
    });

    Deno.test(`${name}: append takes a new column`, async () => {
      await using bench = await Bench.start(fixture);
      await bench.load("t", TWO_ROWS, { loadId: "a", mode: "append" });
      await bench.load("t", "SELECT 3 AS id, 'c' AS name, 'new' AS extra", { loadId: "b", mode: "append" });
      deepStrictEqual(
        await bench.rowsBack("t", "SELECT id, name, extra FROM back"),
        ['["1","a",null]', '["2","b",null]', '["3","c","new"]'],
      );
    });
  }

  if (modes.includes("merge")) {
    Deno.test(`${name}: merge updates by key and adds the rest`, async () => {
      await using bench = await Bench.start(fixture);
      await bench.load("t", TWO_ROWS, { loadId: "a", mode: "merge", primaryKey: ["id"] });
      await bench.load("t", OTHER_ROWS, { loadId: "b", mode: "merge", primaryKey: ["id"] });
      deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","B"]', '["3","C"]']);
    });

    Deno.test(`${name}: merge by two columns, one of them text`, async () => {
      await using bench = await Bench.start(fixture);
      const load = { mode: "merge", primaryKey: ["id", "name"] } as const;
      await bench.load("t", "SELECT * FROM (VALUES (1, 'a', 1), (1, 'b', 2)) AS t(id, name, n)", {
        loadId: "a",
        ...load,
      });
      await bench.load("t", "SELECT * FROM (VALUES (1, 'b', 3), (2, 'b', 4)) AS t(id, name, n)", {
        loadId: "b",
        ...load,
      });
      deepStrictEqual(await bench.rowsBack("t"), ['["1","a","1"]', '["1","b","3"]', '["2","b","4"]']);
    });
  }

  for (const mode of modes) {
    Deno.test(`${name}: a repeated ${mode} changes nothing and says so`, async () => {
      await using bench = await Bench.start(fixture);
      const primaryKey = ["id"];
      await bench.load("t", TWO_ROWS, { loadId: "run1/load:t", mode, primaryKey });
      await bench.load("t", OTHER_ROWS, { loadId: "run2/load:t", mode, primaryKey });
      const before = await bench.rowsBack("t");
      strictEqual(
        (await bench.load("t", OTHER_ROWS, { loadId: "run2/load:t", mode, primaryKey })).repeated,
        true,
      );
      strictEqual(
        (await bench.load("t", TWO_ROWS, { loadId: "run1/load:t", mode, primaryKey })).repeated,
        true,
      );
      deepStrictEqual(await bench.rowsBack("t"), before);
    });

    Deno.test(`${name}: a ${mode} whose rows fail half way changes nothing, and works when repeated`, async () => {
      await using bench = await Bench.start(fixture);
      const primaryKey = ["id"];
      await bench.load("t", TWO_ROWS, { loadId: "a", mode, primaryKey });
      const input = await bench.warehouse.input(OTHER_ROWS, bench.signal);
      await rejects(
        bench.loadInput("t", failingInput(input), { loadId: "b", mode, primaryKey }),
        (error) => error instanceof AppError && error.message.includes("the rows ended too early"),
      );
      deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","b"]']);
      strictEqual((await bench.loadInput("t", input, { loadId: "b", mode, primaryKey })).repeated, false);
    });

    Deno.test(`${name}: an aborted ${mode} changes nothing`, async () => {
      await using bench = await Bench.start(fixture);
      const primaryKey = ["id"];
      await bench.load("t", TWO_ROWS, { loadId: "a", mode, primaryKey });
      const controller = new AbortController();
      const input = await bench.warehouse.input(OTHER_ROWS, bench.signal);
      await rejects(
        bench.loadInput(
          "t",
          abortingInput(input, controller),
          { loadId: "b", mode, primaryKey },
          controller.signal,
        ),
      );
      deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","b"]']);
    });
  }
}

function tooEarly(): AppError {
  return new AppError("unavailable", "the rows ended too early");
}

/** Gives its rows, then fails. */
function failingInput(input: LoadInput): LoadInput {
  return {
    ...input,
    async *batches() {
      yield* input.batches();
      throw tooEarly();
    },
    async copyTo(path, options) {
      await input.copyTo(path, options);
      throw tooEarly();
    },
  };
}

function abortingInput(input: LoadInput, controller: AbortController): LoadInput {
  return {
    ...input,
    async *batches() {
      yield* input.batches();
      controller.abort();
    },
    async copyTo(path, options) {
      const rows = await input.copyTo(path, options);
      controller.abort();
      return rows;
    },
  };
}
