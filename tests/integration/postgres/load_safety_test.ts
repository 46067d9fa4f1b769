import assert from "node:assert/strict";
import { Int64, Utf8 } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import type { LoadMode } from "../../../contract/connector/destination.ts";
import { batchOf, rowsOf, schemaOf, type TestColumn, testColumn } from "../../support/arrow_rows.ts";
import { never, performLoad, type WholeLoad } from "../../support/connections.ts";
import { load, loadRequest, openPostgres, readAll } from "../../support/postgres_connector.ts";
import { acquirePostgres, type TestDatabase } from "../../support/postgres.ts";
import { cutBeforeCommitAnswer } from "../../support/postgres_proxy.ts";

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const MODES: readonly LoadMode[] = ["replace", "append", "merge"];

const rowsFrom = (first: number, count: number): TestColumn[] => [
  testColumn("id", new Int64(), Array.from({ length: count }, (_, i) => BigInt(first + i))),
  testColumn("name", new Utf8(), Array.from({ length: count }, (_, i) => `row ${first + i}`)),
];

/** A request whose rows come in many batches, with something that happens between two of them. */
function slowRequest(mode: LoadMode, loadId: string, between: (batch: number) => Promise<void>): WholeLoad {
  const columns = rowsFrom(100, 2_000);
  const batch = batchOf(columns);
  return {
    loadId,
    target: { table: "t", options: {} },
    mode,
    primaryKey: mode === "merge" ? ["id"] : [],
    input: {
      schema: schemaOf(columns),
      rows: 20 * 100,
      async *batches() {
        for (let i = 0; i < 20; i++) {
          await between(i);
          yield batch.slice(i * 100, (i + 1) * 100);
        }
      },
      copyTo: () => Promise.reject(new Error("not used")),
    },
  };
}

async function idsOf(database: TestDatabase): Promise<number[]> {
  return (await database.sql`SELECT id::int AS id FROM t ORDER BY id`).map((row) => row.id);
}

const loadsOf = async (database: TestDatabase): Promise<unknown[]> =>
  (await database.sql`SELECT load_id, target, mode, rows::int AS rows FROM _sluice_loads ORDER BY loaded_at`)
    .map((row) => ({ ...row }));

/** Until the server has ended the transaction of the COPY, so that it does not matter who is faster. */
async function untilRefused(database: TestDatabase): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const [row] = await database.sql`
      SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state LIKE '%(aborted)'`;
    if (row?.n === 1) return;
    assert(performance.now() < deadline, "the server did not refuse the row");
  }
}

const terminate = (database: TestDatabase) =>
  database.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'`;

for (const mode of MODES) {
  Deno.test(`load() ${mode} of a load id that is known changes nothing`, async () => {
    await using database = await server.createDatabase();
    await using connection = await openPostgres(database.url);
    const request = {
      target: "t",
      mode,
      primaryKey: mode === "merge" ? ["id"] : [],
      loadId: "run 1",
    } as const;
    const first = await load(connection, { ...request, columns: rowsFrom(1, 3) });
    assert.deepEqual([first.rows, first.repeated], [3, false]);
    const again = await load(connection, { ...request, columns: rowsFrom(50, 2) });
    assert.deepEqual([again.rows, again.repeated], [3, true]);
    assert.deepEqual(await idsOf(database), [1, 2, 3]);
    assert.deepEqual(await loadsOf(database), [{ load_id: "run 1", target: "public.t", mode, rows: 3 }]);
  });

  Deno.test(`load() ${mode} that is cut in the middle changes nothing, and is done by the next attempt`, async () => {
    await using database = await server.createDatabase();
    await using first = await openPostgres(database.url);
    await load(first, { target: "t", mode: "append", columns: rowsFrom(1, 3), loadId: "old" });
    await using connection = await openPostgres(database.url, { application_name: "victim" });
    const cut = slowRequest(mode, "new", async (batch) => {
      if (batch === 10) await terminate(database);
    });
    await assert.rejects(performLoad(connection.destination, cut, never()), (error) => {
      assert(error instanceof AppError);
      assert.equal(error.code, "unavailable", `${error.message} ${error.cause}`);
      assert.match(error.message, /into t of shop/);
      return true;
    });
    assert.deepEqual(await idsOf(database), [1, 2, 3]);
    assert.equal((await loadsOf(database)).length, 1);
    const whole = slowRequest(mode, "new", () => Promise.resolve());
    assert.equal((await performLoad(connection.destination, whole, never())).repeated, false);
    assert.equal((await idsOf(database)).length, mode === "replace" ? 2_000 : 2_003);
  });

  Deno.test(`load() ${mode} whose rows fail to come, come short, or are aborted changes nothing`, async () => {
    await using database = await server.createDatabase();
    await using connection = await openPostgres(database.url);
    await load(connection, { target: "t", mode: "append", columns: rowsFrom(1, 3), loadId: "old" });
    const broken = slowRequest(
      mode,
      "a",
      (batch) =>
        batch === 5 ? Promise.reject(new AppError("internal", "the warehouse broke")) : Promise.resolve(),
    );
    await assert.rejects(performLoad(connection.destination, broken, never()), {
      message: "the warehouse broke",
    });
    const short = slowRequest(mode, "b", () => Promise.resolve());
    const tooMany = { ...short, input: { ...short.input, rows: 2_001 } };
    await assert.rejects(
      performLoad(connection.destination, tooMany, never()),
      /2001 rows were announced, 2000 sent/,
    );
    const controller = new AbortController();
    const aborted = slowRequest(mode, "c", async (batch) => {
      if (batch === 5) controller.abort(new AppError("cancelled", "stop"));
      await Promise.resolve();
    });
    await assert.rejects(performLoad(connection.destination, aborted, controller.signal), {
      code: "cancelled",
      message: "stop",
    });
    assert.deepEqual(await idsOf(database), [1, 2, 3]);
    assert.equal((await loadsOf(database)).length, 1);
  });

  Deno.test(`load() ${mode} whose COMMIT took effect but was not answered is found by its load id`, async () => {
    await using database = await server.createDatabase();
    await using proxy = cutBeforeCommitAnswer(server);
    const url = new URL(database.url);
    url.host = `127.0.0.1:${proxy.port}`;
    const request = {
      target: "t",
      mode,
      primaryKey: ["id"],
      columns: rowsFrom(1, 3),
      loadId: "once",
    } as const;
    {
      await using connection = await openPostgres(url.href);
      await assert.rejects(load(connection, request), (error) => {
        assert(error instanceof AppError);
        assert.equal(error.code, "unavailable");
        assert.match(error.message, /before the server answered COMMIT.*load id/);
        return true;
      });
    }
    await using connection = await openPostgres(database.url);
    const again = await load(connection, request);
    assert.deepEqual([again.rows, again.repeated], [3, true]);
    assert.deepEqual(await idsOf(database), [1, 2, 3]);
  });
}

Deno.test("load() replace: readers in every isolation level see the old rows, then the new, never none", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  await load(connection, { target: "t", mode: "replace", columns: rowsFrom(1, 500) });
  const controller = new AbortController();
  const seen = new Set<number>();
  const reading = (async () => {
    while (!controller.signal.aborted) {
      const [row] = await database.sql`SELECT count(*)::int AS n FROM t`;
      seen.add(row?.n);
    }
  })();
  await database.sql.begin("ISOLATION LEVEL REPEATABLE READ", async (old) => {
    // The snapshot is taken here, and the table is touched only after the replace has been committed.
    await old`SELECT 1`;
    for (const count of [700, 900, 1_100]) {
      await load(connection, { target: "t", mode: "replace", columns: rowsFrom(1, count) });
    }
    const [row] = await old`SELECT count(*)::int AS n FROM t`;
    assert.equal(row?.n, 500);
  });
  controller.abort();
  await reading;
  assert(!seen.has(0), "a reader saw an empty table");
  for (const count of seen) assert([500, 700, 900, 1_100].includes(count), `a reader saw ${count} rows`);
});

Deno.test("load() replace does not block readers while its rows come", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  await load(connection, { target: "t", mode: "replace", columns: rowsFrom(1, 3) });
  const counts: number[] = [];
  const request = slowRequest("replace", "slow", async () => {
    const [row] = await database.sql`SELECT count(*)::int AS n FROM t`;
    counts.push(row?.n);
  });
  await performLoad(connection.destination, request, never());
  assert.deepEqual(counts, Array(20).fill(3));
  assert.equal((await idsOf(database)).length, 2_000);
});

Deno.test("loads at the same time: the same id once, two replaces one after the other, new tables once", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const loading = (mode: LoadMode, count: number, loadId?: string) =>
    load(connection, {
      target: "fresh.t",
      mode,
      primaryKey: ["id"],
      columns: rowsFrom(1, count),
      ...(loadId === undefined ? {} : { loadId }),
    });
  const same = await Promise.all([1, 2, 3, 4].map(() => loading("replace", 10, "same")));
  assert.deepEqual(same.map((result) => result.repeated).sort(), [false, true, true, true]);
  await Promise.all([loading("replace", 20), loading("replace", 30), loading("merge", 15)]);
  const [row] = rowsOf(await readAll(connection, { query: "SELECT count(*), max(id) FROM fresh.t" }));
  assert(row?.[0] === 20n || row?.[0] === 30n, `${row?.[0]} rows`);
  assert.equal(row?.[0], row?.[1]);
});

Deno.test("load() stops sending where a row is refused early, and the connection is good for the next load", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe("CREATE TABLE t (id bigint CHECK (id <> 101), name text)");
  await using connection = await openPostgres(database.url);
  let asked = 0;
  const request = slowRequest("append", "refused", async (batch) => {
    asked = batch;
    if (batch === 5) await untilRefused(database);
  });
  await assert.rejects(performLoad(connection.destination, request, never()), (error) => {
    assert(error instanceof AppError);
    assert.match(error.message, /row 2: new row .* violates check constraint/);
    assert.match(error.detail ?? "", /SQLSTATE 23514/);
    return true;
  });
  assert(asked < 19);
  const good = loadRequest({ target: "t", mode: "append", columns: rowsFrom(1, 3) });
  assert.equal((await performLoad(connection.destination, good, never())).rows, 3);
});

Deno.test("load() of a table with a trigger that speaks during the COPY loads every row and passes its words on", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE t (id bigint, name text);
    CREATE FUNCTION speak() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE WARNING 'row %', NEW.id; RETURN NEW; END $$;
    CREATE TRIGGER speak BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION speak()`);
  await using connection = await openPostgres(database.url);
  await performLoad(connection.destination, slowRequest("append", "loud", () => Promise.resolve()), never());
  assert.equal((await idsOf(database)).length, 2_000);
  assert(connection.messages.includes("warn: shop: row 100"));
});
