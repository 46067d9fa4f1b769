import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import type { Table } from "../../../contract/table.ts";
import { waitFor } from "../../support/sluice_server.ts";
import { PATIENCE_MS, Served } from "../../support/served_project.ts";

/** Pipelines that read what others publish, on a server. */

const served = await Served.start({
  "pipelines/shop.yaml": `params: { day: { type: string, default: mon } }
publish: { daily: { keep: 1 } }
`,
  "transforms/shop/daily.sql":
    "SELECT i AS id, i::HUGEINT AS huge, getvariable('day') AS day FROM range(1000) AS t(i)\n",
  "pipelines/report.yaml": `extract:
  daily: { connector: sluice, stream: shop.daily }
load:
  total: [{ connector: lite, table: total }]
`,
  // Its failure is the second attempt's cause.
  "transforms/report/total.sql": `SELECT count(*) AS n, min(day) AS day, CAST(sum(huge) AS BIGINT) AS total
FROM raw.daily\n`,
  "pipelines/chained.yaml": `after: reads
extract:
  daily: { connector: sluice, stream: shop.daily, columns: [day], where: "id = 7" }
`,
  "pipelines/fragile.yaml": `extract:
  daily: { connector: sluice, stream: shop.daily, mode: append }
  gate: { connector: files, path: in/gate.csv }
`,
  "transforms/fragile/joined.sql": "SELECT day FROM raw.daily, raw.gate\n",
  "in/gate.csv": "open\nyes\n",
});
const { server } = served;
Deno.test.afterAll(() => served[Symbol.asyncDispose]());

const pins = async (): Promise<string[]> =>
  await Array.fromAsync(Deno.readDir(join(served.project.dataDir, "pinned")), ({ name }) => name)
    .catch(() => []);

Deno.test("a pipeline reads the newest snapshot of another, in the model's own types, and lets go of it", async () => {
  const early = await served.runToEnd("report");
  equal(early.state, "failed");
  match(
    early.error?.message ?? "",
    /Cannot read shop\.daily: shop has not published it yet; run it first: sluice run shop/,
  );
  const published = await served.succeed("shop");
  const chained = await waitFor(async () => (await served.runs("chained"))[0], PATIENCE_MS);
  deepEqual([chained?.trigger, chained?.parent], ["after", published.id]);
  equal((await server.ended(chained?.id ?? "")).state, "succeeded");
  deepEqual(await served.warehouse("chained", "SELECT * FROM raw.daily"), [["mon"]]);
  const run = await served.succeed("report");
  equal(run.steps.find(({ name }) => name === "extract:daily")?.rows, 1000);
  deepEqual(
    await served.warehouse(
      "report",
      "SELECT n, t.day, total, typeof(huge) FROM total AS t, raw.daily LIMIT 1",
    ),
    [
      ["1000", "mon", "499500", "HUGEINT"],
    ],
  );
  const tables = await server.call<Table[]>("GET", "/api/pipelines/report/tables");
  deepEqual(
    tables.find(({ name }) => name === "raw.daily")?.columns.map(({ name, type }) => `${name} ${type}`),
    ["id BIGINT", "huge HUGEINT", "day VARCHAR"],
  );
  deepEqual(await pins(), []);
});

Deno.test("a retried run reads the snapshot that its first attempt pinned, though it was replaced and removed", async () => {
  await served.succeed("shop", { params: { day: "tue" } });
  await Deno.remove(join(served.project.projectDir, "in/gate.csv"));
  const failed = await served.runToEnd("fragile");
  equal(failed.state, "failed");
  equal((await pins()).includes(failed.id), true);
  await served.succeed("shop", { params: { day: "wed" } });
  await served.project.write({ "in/gate.csv": "open\nyes\n" });
  await served.restart();
  await served.server.call("POST", `/api/runs/${failed.id}/retry`);
  const retried = await served.server.ended(failed.id);
  equal(retried.state, "succeeded", JSON.stringify(retried.error));
  deepEqual(await served.warehouse("fragile", "SELECT DISTINCT day FROM joined"), [["tue"]]);
  equal((await pins()).includes(failed.id), false);
  await served.succeed("fragile");
  deepEqual(await served.warehouse("fragile", "SELECT day, count(*) FROM raw.daily GROUP BY 1 ORDER BY 1"), [
    ["tue", "1000"],
    ["wed", "1000"],
  ]);
});
