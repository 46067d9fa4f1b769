import { deepEqual, equal, match } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { RejectChange, RejectSummary, StreamRejects } from "../../../contract/rejects.ts";
import { Served } from "../../support/served_project.ts";

const LOG =
  "id,changed,amount\n1,2026-01-01,10\n2,2026-01-02,9.5\n3,2026-01-03,30\n4,2026-01-04,n/a\n5,2026-01-05\n";

const pipeline = (types: string) =>
  `extract:
  orders: { connector: files, path: log.csv, max_rejects: 60%, mode: incremental, primary_key: [id],
    update_key: changed, rename: { amount: cents }, options: { columns: { amount: ${types} } } }
  events: { connector: files, path: log.csv, max_rejects: 9, mode: append, update_key: changed,
    options: { columns: { amount: ${types} } } }
  whole: { connector: lite, stream: orders, max_rejects: 9 }
`;

async function sqliteFile(): Promise<Uint8Array> {
  const path = await Deno.makeTempFile({ prefix: "sluice-replay-" });
  try {
    {
      using database = new DatabaseSync(path);
      database.exec(`CREATE TABLE orders (id INTEGER PRIMARY KEY, amount INTEGER, raw BLOB);
        INSERT INTO orders VALUES (1, 10, x'00ff'), (2, 'ten', x'01'), (3, '30.0', NULL);`);
    }
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("rejects are listed, replayed after a fix into the raw table, and dropped", async () => {
  await using served = await Served.start({
    "connectors.yaml": "files: { type: file }\nlite: { type: sqlite, path: shop.db }\n",
    "shop.db": await sqliteFile(),
    "log.csv": LOG,
    "pipelines/shop.yaml": pipeline("BIGINT"),
  });
  const { server, project } = served;
  await served.succeed("shop");
  const listed = await server.call<RejectSummary[]>("GET", "/api/pipelines/shop/rejects");
  deepEqual(listed.map(({ stream, count }) => [stream, count]), [["orders", 3], ["events", 3], ["whole", 1]]);
  const found = await server.call<StreamRejects>("GET", "/api/pipelines/shop/rejects/orders");
  deepEqual(found.rejects.map(({ position }) => position).sort(), [
    "log.csv line 3",
    "log.csv line 5",
    "log.csv line 6",
  ]);
  match((await project.sluice("rejects", ["list", "shop"])).stdout, /orders +3 /);
  match(
    (await project.sluice("rejects", ["list", "shop", "orders"])).stdout,
    /log\.csv line 5 +column "amount" is "n\/a"/,
  );

  const replay = (stream: string) =>
    server.call<RejectChange>("POST", `/api/pipelines/shop/rejects/${stream}/replay`);
  equal((await replay("orders")).replayed, 0, "nothing was corrected yet");
  await Deno.writeTextFile(`${project.projectDir}/pipelines/shop.yaml`, pipeline("DOUBLE"));
  await server.call("POST", "/api/apply");
  const replayed = await replay("orders");
  deepEqual([replayed.replayed, replayed.left], [1, 2]);
  match(replayed.reason ?? "", /column "cents" is "n\/a", expected DOUBLE|no row with columns/);
  deepEqual(await served.warehouse("shop", "SELECT id, cents FROM raw.orders ORDER BY id"), [
    ["1", "10"],
    ["2", "9.5"],
    ["3", "30"],
  ]);
  const { code, stdout } = await project.sluice("rejects", ["replay", "shop", "events", "--json"]);
  equal(code, 0, stdout);
  deepEqual(JSON.parse(stdout).replayed, 1);

  await Deno.writeTextFile(
    `${project.projectDir}/log.csv`,
    LOG.replace("n/a", "40").replace("05\n", "05,50\n"),
  );
  await served.succeed("shop");
  deepEqual(await served.warehouse("shop", "SELECT id, amount FROM raw.events ORDER BY id"), [
    ["1", "10"],
    ["2", "9.5"],
    ["3", "30"],
    ["4", "40"],
    ["5", "50"],
  ], "an append stream has each row once");
  equal((await server.call<RejectSummary[]>("GET", "/api/pipelines/shop/rejects")).length, 3);

  const dropped = await server.call<RejectChange>("DELETE", "/api/pipelines/shop/rejects/whole");
  deepEqual([dropped.dropped, dropped.left], [1, 0]);
  deepEqual(await served.warehouse("shop", "SELECT * FROM _sluice.rejects WHERE stream = 'whole'"), []);
  deepEqual(
    (await server.call<RejectSummary[]>("GET", "/api/pipelines/shop/rejects")).map(({ stream }) => stream),
    ["orders", "events"],
  );
  equal((await project.sluice("rejects", ["drop", "shop", "nosuch"])).code, 2);
  equal((await project.sluice("rejects", ["burn", "shop", "orders"])).code, 2);
});

Deno.test("a replay is refused while a run is under way", async () => {
  await using served = await Served.start({
    "log.csv": LOG,
    "pipelines/busy.yaml": `resources: { threads: 1 }
extract: { log: { connector: files, path: log.csv, max_rejects: 9 } }
`,
    "transforms/busy/endless.sql":
      "SELECT count(*) AS n FROM range(50000000000) a(i) WHERE hash(i) % 7 = 8\n",
  });
  const { id } = await served.server.trigger("busy");
  await served.untilRunning(id, "model:endless");
  const response = await served.server.request("POST", "/api/pipelines/busy/rejects/log/replay");
  equal(response.status, 409);
  match(await response.text(), /a run of .*busy.* is under way/);
  await served.cancel(id);
});
