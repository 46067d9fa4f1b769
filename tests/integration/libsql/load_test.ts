import { deepStrictEqual, equal, match, ok } from "node:assert/strict";
import { cutAfter, startRelay } from "../../support/http_relay.ts";
import { failureOf } from "../../conformance/bench.ts";
import { type SqldServer, startSqld } from "../../support/sqld.ts";
import { connect, load } from "./bench.ts";

const rows = (from: number, to: number) =>
  `SELECT i AS id, 'name ' || i AS name FROM range(${from}, ${to}) AS r(i)`;
/** More than a request or a batch takes. */
const MANY_ROWS = 50_000;

const tablesOf = async (server: SqldServer): Promise<string[]> =>
  (await server.query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")).map(([name]) =>
    name ?? ""
  );
const sumOf = async (server: SqldServer): Promise<unknown> =>
  (await server.query("SELECT count(*), sum(id) FROM t"))[0];

for (const mode of ["replace", "append", "merge"] as const) {
  Deno.test(`a ${mode} goes on where the server is started anew while rows are sent`, async () => {
    await using server = await startSqld();
    let inserts = 0;
    await using relay = startRelay(server.url, async ({ text }, pass) => {
      if (/INSERT INTO "_sluice_stage/.test(text) && ++inserts === 3) {
        await server.kill();
        await server.restart();
      }
      return await pass();
    });
    await using connection = await connect({ url: relay.url });
    await load(connection, rows(0, 2), { loadId: "first", mode });
    inserts = 0;
    await load(connection, rows(2, MANY_ROWS), { loadId: "second", mode });
    ok(inserts > 3);
    const sum = MANY_ROWS * (MANY_ROWS - 1) / 2;
    const expected = mode === "replace" ? [MANY_ROWS - 2, sum - 1] : [MANY_ROWS, sum];
    deepStrictEqual(await sumOf(server), expected.map(String));
    deepStrictEqual(await tablesOf(server), ["_sluice_loads", "t"]);
  });

  Deno.test(`a ${mode} whose COMMIT has no answer is done once, and says so`, async () => {
    await using server = await startSqld();
    let isArmed = false;
    let cuts = 0;
    await using relay = startRelay(server.url, async ({ text }, pass) => {
      const response = await pass();
      if (!isArmed || !text.includes("COMMIT") || text.includes("BEGIN")) return response;
      cuts++;
      return cutAfter(response, 0);
    });
    await using connection = await connect({ url: relay.url });
    await load(connection, rows(0, 2), { loadId: "first", mode });
    const receipt = await load(connection, rows(2, 5), {
      loadId: "second",
      mode,
      whileSending: () => Promise.resolve(void (isArmed = true)),
    });
    equal(cuts, 1);
    deepStrictEqual([receipt.rows, receipt.repeated], [3, false]);
    const again = await load(connection, rows(2, 5), { loadId: "second", mode });
    equal(again.repeated, true);
    deepStrictEqual(await sumOf(server), mode === "replace" ? ["3", "9"] : ["5", "10"]);
  });

  Deno.test(`a ${mode} whose COMMIT does not arrive changes nothing, and is done when it is tried again`, async () => {
    await using server = await startSqld();
    let isArmed = false;
    await using relay = startRelay(server.url, async ({ text }, pass) => {
      if (!isArmed || !text.includes("COMMIT") || text.includes("BEGIN")) return await pass();
      isArmed = false;
      return cutAfter(new Response("nothing"), 0);
    });
    await using connection = await connect({ url: relay.url });
    await load(connection, rows(0, 2), { loadId: "first", mode });
    const arm = () => Promise.resolve(void (isArmed = true));
    const error = await failureOf(() =>
      load(connection, rows(2, 5), { loadId: "second", mode, whileSending: arm })
    );
    equal(error.code, "unavailable");
    match(
      error.message,
      /^Cannot (?:load|merge) into t of it: 127\.0\.0\.1:\d+ cannot be reached, or went away/,
    );
    deepStrictEqual(await sumOf(server), ["2", "1"]);
    deepStrictEqual(await tablesOf(server), ["_sluice_loads", "t"]);
    equal((await load(connection, rows(2, 5), { loadId: "second", mode })).repeated, false);
    deepStrictEqual(await sumOf(server), mode === "replace" ? ["3", "9"] : ["5", "10"]);
  });
}

Deno.test("a request with rows that has no answer fails the load, which changes nothing", async () => {
  await using server = await startSqld();
  let inserts = 0;
  await using relay = startRelay(server.url, async ({ text }, pass) => {
    const response = await pass();
    return /INSERT INTO "_sluice_stage/.test(text) && ++inserts === 3 ? cutAfter(response, 0) : response;
  });
  await using connection = await connect({ url: relay.url });
  await load(connection, rows(0, 2), { loadId: "first", mode: "append" });
  inserts = 0;
  const error = await failureOf(() =>
    load(connection, rows(2, MANY_ROWS), { loadId: "second", mode: "append" })
  );
  equal(error.code, "unavailable");
  deepStrictEqual(await sumOf(server), ["2", "1"]);
  equal(
    (await load(connection, rows(2, MANY_ROWS), { loadId: "second", mode: "append" })).rows,
    MANY_ROWS - 2,
  );
  deepStrictEqual(await tablesOf(server), ["_sluice_loads", "t"]);
});

Deno.test("a table that another changes while rows are sent is left as it is", async () => {
  await using server = await startSqld();
  await using connection = await connect({ url: server.url });
  await load(connection, rows(0, 2), { loadId: "first", mode: "append" });
  const error = await failureOf(() =>
    load(connection, rows(2, 5), {
      loadId: "second",
      mode: "append",
      whileSending: async () => void await server.query("ALTER TABLE t ADD COLUMN note TEXT"),
    })
  );
  equal(error.code, "unavailable");
  match(error.message, /the table was changed by another while the rows were sent/);
  deepStrictEqual(await sumOf(server), ["2", "1"]);
  equal((await load(connection, rows(2, 5), { loadId: "second", mode: "append" })).rows, 3);
  deepStrictEqual(await sumOf(server), ["5", "10"]);
});

Deno.test("a replace of other columns takes the table's place, with its indexes, also where a view waits for it", async () => {
  await using server = await startSqld();
  await server.query("CREATE VIEW waiting AS SELECT * FROM t");
  await using connection = await connect({ url: server.url });
  await load(connection, rows(0, 2), { loadId: "first", mode: "merge" });
  deepStrictEqual(await server.query("SELECT * FROM waiting ORDER BY 1"), [["0", "name 0"], ["1", "name 1"]]);
  await server.query("DROP VIEW waiting", "CREATE INDEX own ON t (id)");
  const receipt = await load(connection, "SELECT 7 AS id, true AS flag", {
    loadId: "second",
    mode: "replace",
  });
  deepStrictEqual([receipt.inserted, receipt.deleted], [1, 2]);
  deepStrictEqual(await server.query("SELECT * FROM t"), [["7", "1"]]);
  deepStrictEqual(
    await server.query("SELECT name, sql FROM sqlite_master WHERE tbl_name = 't' ORDER BY name"),
    [["own", "CREATE INDEX own ON t (id)"], ["t", 'CREATE TABLE "t" ("id" INTEGER, "flag" BOOLEAN)']],
  );
  // It is known as the loads' own again.
  await load(connection, "SELECT 8 AS id, 'x' AS word", { loadId: "third", mode: "replace" });
  deepStrictEqual(await server.query("SELECT * FROM t"), [["8", "x"]]);
});

Deno.test("what killed loads left is dropped: of the same load at once, of others when it is old", async () => {
  await using server = await startSqld();
  const now = Date.now();
  await using connection = await connect({ url: server.url });
  await load(connection, rows(0, 2), { loadId: "first", mode: "append" });
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode("second")))
    .toHex();
  const names = {
    own: `_sluice_stage_${hash.slice(0, 16)}_${now.toString(36)}_aaaaaaaa`,
    fresh: `_sluice_stage_0123456789abcdef_${now.toString(36)}_bbbbbbbb`,
    old: `_sluice_stage_0123456789abcdef_${(now - 8 * 86_400_000).toString(36)}_cccccccc`,
  };
  await server.query(...Object.values(names).map((name) => `CREATE TABLE "${name}" (a)`));
  await load(connection, rows(2, 5), { loadId: "second", mode: "append" });
  deepStrictEqual(await tablesOf(server), ["_sluice_loads", names.fresh, "t"]);
});

Deno.test("a load keeps every value exactly, and refuses what the column would change", async () => {
  await using server = await startSqld();
  await using connection = await connect({ url: server.url });
  await load(
    connection,
    `SELECT * FROM (VALUES (9223372036854775807, 'infinity'::DOUBLE, 'a' || chr(0) || 'b', '\\x00\\xFF'::BLOB),
       (-9007199254740993, '-infinity', '漢字🦆', ''::BLOB), (0, -0.0::DOUBLE, '', NULL), (1, 'nan', NULL, NULL))
       AS v(i, r, s, b)`,
    { loadId: "first", mode: "append" },
  );
  deepStrictEqual(
    await server.query(
      "SELECT i, CASE WHEN abs(r) = 9e999 THEN CAST(sign(r) AS INTEGER) || 'e999' ELSE r END, hex(s), hex(b) FROM t",
    ),
    [
      ["9223372036854775807", "1e999", "610062", "00FF"],
      ["-9007199254740993", "-1e999", "E6BCA2E5AD97F09FA686", ""],
      ["0", "0", "", ""],
      ["1", "NaN", "", ""],
    ],
  );
  await server.query("CREATE TABLE u (id INTEGER)", "DROP TABLE t", "CREATE TABLE t (id INTEGER)");
  const error = await failureOf(() =>
    load(connection, "SELECT * FROM (VALUES ('1'), ('x')) AS v(id)", { loadId: "second", mode: "append" })
  );
  equal(error.code, "invalid");
  match(error.message, /row 2: column "id" is x, which the table's INTEGER cannot hold/);
  deepStrictEqual(await server.query("SELECT count(*) FROM t"), [["0"]]);
});

Deno.test("a wide table and rows of some megabytes are sent in as many requests as they need", async () => {
  await using server = await startSqld();
  await using connection = await connect({ url: server.url });
  const wide = Array.from({ length: 900 }, (_, i) => `i + ${i} AS c${i}`).join(", ");
  await load(connection, `SELECT ${wide} FROM range(200) AS r(i)`, { loadId: "wide", mode: "replace" });
  deepStrictEqual(await server.query("SELECT count(*), sum(c899) FROM t"), [[
    "200",
    String(199 * 100 + 899 * 200),
  ]]);
  await load(connection, "SELECT i AS id, repeat('x', 3000000) AS big FROM range(5) AS r(i)", {
    loadId: "long",
    mode: "replace",
  });
  deepStrictEqual(await server.query("SELECT count(*), sum(length(big)) FROM t"), [["5", "15000000"]]);
});

Deno.test("a replace of a table that loads made takes its place, and one with triggers is filled anew", async () => {
  await using server = await startSqld();
  await using connection = await connect({ url: server.url });
  const rootOf = async () =>
    (await server.query("SELECT rootpage FROM sqlite_master WHERE name = 't'"))[0]?.[0];
  await load(connection, rows(0, 2), { loadId: "first", mode: "replace" });
  await server.query("CREATE TABLE other (n)", "CREATE UNIQUE INDEX own ON t (id)");
  const first = await rootOf();
  const receipt = await load(connection, rows(5, 8), { loadId: "second", mode: "replace" });
  deepStrictEqual([receipt.inserted, receipt.updated, receipt.deleted], [3, 0, 2]);
  ok(await rootOf() !== first, "it is a new table");
  deepStrictEqual(
    await server.query("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 't'"),
    [["own"]],
  );
  await server.query("CREATE TRIGGER seen AFTER INSERT ON t BEGIN INSERT INTO other VALUES (new.id); END");
  const second = await rootOf();
  await load(connection, rows(10, 14), { loadId: "third", mode: "replace" });
  equal(await rootOf(), second);
  deepStrictEqual(await sumOf(server), ["4", "46"]);
  deepStrictEqual(await server.query("SELECT count(*), sum(n) FROM other"), [["4", "46"]]);
});
