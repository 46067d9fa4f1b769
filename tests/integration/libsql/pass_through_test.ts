import { deepStrictEqual, equal, match } from "node:assert/strict";
import { makeSqlite, numbers } from "../../support/sqlite_file.ts";
import { startSqld } from "../../support/sqld.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../../support/worker_process.ts";

const ROWS = 60_000;
const SUM = String(ROWS * (ROWS + 1) / 2);

Deno.test("a load into a libSQL database takes its rows while they are read, and is whole when it was killed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-pass-" });
  try {
    await using server = await startSqld();
    await Deno.mkdir(`${folder}/project`);
    makeSqlite(
      `${folder}/project/shop.db`,
      `CREATE TABLE orders AS SELECT n AS id, 'name ' || n AS name FROM ${numbers(ROWS)}`,
    );
    const columns = { id: "INTEGER", name: "TEXT" };
    const project: WorkerProject = {
      folder,
      connectors: { shop: { type: "sqlite", path: "shop.db" }, there: { type: "libsql", url: server.url } },
      pipeline: {
        extract: { orders: { connector: "shop", stream: "orders", options: { columns } } },
        load: { orders: [{ connector: "there", table: "copies", mode: "append" }] },
      },
    };
    const died = await attemptInProcess(project, {
      runId: "one",
      attempt: 1,
      models: {},
      dieAt: "load:orders→there while staging",
    });
    equal(died.signal, "SIGKILL");
    const [made] = await server.query("SELECT count(*) FROM sqlite_master WHERE name = 'copies'");
    deepStrictEqual(made, ["0"]);
    for (const attempt of [2, 3]) {
      const done = await succeed(project, { runId: "one", attempt, models: {} });
      if (attempt === 2) match(done.log.join("\n"), /Takes the rows while they are read/);
      deepStrictEqual(await server.query("SELECT count(*), sum(id) FROM copies"), [[String(ROWS), SUM]]);
    }
    const tables = await server.query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
    deepStrictEqual(tables, [["_sluice_loads"], ["copies"]]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
