import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { CuttingProxy } from "../support/cutting_proxy.ts";
import { mariadbOfTests, MysqlLoader } from "../support/mysql_loader.ts";

/**
 * A load into MySQL is a row of statements, some of which end transactions. Here it loses the server behind
 * each of them, the n-th in the n-th round, as a process does that dies there: the target holds what it
 * held, or all of the load; and the next attempt leaves exactly the right rows, once.
 */

const server = await mariadbOfTests();

const OLD = "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(id, name)";
const NEW = "SELECT * FROM (VALUES (2, 'B'), (3, 'C')) AS t(id, name)";
const WIDER = "SELECT * FROM (VALUES (2, 'B', 7), (3, 'C', 8)) AS t(id, name, more)";
const MOST_STATEMENTS = 100;

interface Case {
  readonly name: string;
  readonly mode: "replace" | "append" | "merge";
  readonly rows: string;
  /** What is done to the table that a load made before; none where it is new. */
  readonly before?: (table: string) => string;
  readonly after: readonly string[];
}

const CASES: readonly Case[] = [
  { name: "a new table", mode: "append", rows: NEW, after: ["2 B", "3 C"] },
  {
    name: "a table that is swapped",
    mode: "replace",
    rows: NEW,
    before: () => "SELECT 1",
    after: ["2 B", "3 C"],
  },
  {
    name: "a table of somebody's",
    mode: "replace",
    rows: NEW,
    before: (table) => `CREATE INDEX theirs ON ${table} (name(9))`,
    after: ["2 B", "3 C"],
  },
  {
    name: "append",
    mode: "append",
    rows: NEW.replace("(2,", "(4,"),
    before: () => "SELECT 1",
    after: ["1 a", "2 b", "3 C", "4 B"],
  },
  {
    name: "merge, with a column that is new",
    mode: "merge",
    rows: WIDER,
    before: () => "SELECT 1",
    after: ["1 a", "2 B", "3 C"],
  },
];

for (const { name, mode, rows, before, after } of CASES) {
  Deno.test(`mysql, ${name}: a load that loses the server at any statement loses and doubles nothing`, async () => {
    await using loader = await MysqlLoader.open(server);
    const { hostname, port } = new URL(loader.database.url);
    const read = (table: string) => loader.rows(`SELECT id, name FROM ${table} ORDER BY id`).catch(() => []);
    let cuts = 0;
    for (let statement = 1; statement < MOST_STATEMENTS; statement++) {
      const table = `t_${statement}`;
      const load = { mode, primaryKey: mode === "append" ? [] : ["id"] } as const;
      if (before !== undefined) {
        await loader.load(table, OLD, { loadId: `a ${table}`, ...load });
        await loader.database.run(before(table));
      }
      const old = await read(table);
      await using proxy = CuttingProxy.start({ hostname, port: Number(port) }, statement);
      const url = new URL(loader.database.url);
      url.port = String(proxy.port);
      const request = { loadId: `b ${table}`, ...load };
      const failed = await loader.loadThrough(url.href, table, rows, request).then(() => false, () => true);
      const found = await read(table);
      const place = `behind statement ${statement}`;
      if (!failed) {
        deepStrictEqual(found, after, place);
        break;
      }
      ok(proxy.hasCut, place);
      cuts++;
      const isDone = JSON.stringify(found) === JSON.stringify(after);
      if (!isDone) deepStrictEqual(found, old, place);
      strictEqual((await loader.load(table, rows, request)).repeated, isDone, place);
      deepStrictEqual(await read(table), after, `${place}, then the next attempt`);
    }
    ok(cuts > 15, `only ${cuts} statements`);
    deepStrictEqual((await loader.rows("SHOW TABLES")).filter((name) => /_sluice_(next|old)/.test(name)), []);
    deepStrictEqual(await loader.rows("SELECT load_id FROM _sluice_loads WHERE load_id LIKE 'pending%'"), []);
  });
}
