import { deepEqual, equal, match } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Served } from "../support/served_project.ts";

const FILES = {
  "connectors.yaml": "shop: { type: sqlite, path: shop.db }\n",
  "pipelines/shop.yaml": "extract:\n  orders: { connector: shop, stream: orders, max_rejects: 2 }\n",
  "pipelines/strict.yaml": "extract:\n  orders: { connector: shop, stream: orders }\n",
  "pipelines/masked.yaml":
    "extract:\n  orders: { connector: shop, stream: orders, max_rejects: 2, mask: { note: redact } }\n",
};

async function startShop(): Promise<Served> {
  const path = await Deno.makeTempFile({ prefix: "sluice-shop-" });
  try {
    {
      using database = new DatabaseSync(path);
      database.exec(`CREATE TABLE orders (id INTEGER PRIMARY KEY, amount INTEGER, note TEXT);
        INSERT INTO orders VALUES (1, 10, 'a'), (2, 'ten', 'b'), (3, 30, 'c');`);
    }
    return await Served.start({ ...FILES, "shop.db": await Deno.readFile(path) });
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("a run over sqlite keeps rows aside that do not fit, and shows how many", async () => {
  await using served = await startShop();
  const run = await served.runToEnd("shop");
  equal(run.state, "succeeded", JSON.stringify(run.error));
  deepEqual(run.steps.map(({ name, rows, rejects }) => [name, rows, rejects]), [["extract:orders", 2, 1]]);
  deepEqual(await served.warehouse("shop", "SELECT id, amount FROM raw.orders ORDER BY id"), [
    ["1", "10"],
    ["3", "30"],
  ]);
  deepEqual(
    await served.warehouse("shop", `SELECT stream, reason, position, "row" FROM _sluice.rejects`),
    [[
      "orders",
      'column "amount" is "ten" (text), expected INTEGER',
      "rowid 2",
      '{"id":2,"amount":"ten","note":"b"}',
    ]],
  );
  match(
    (await served.project.sluice("show", [run.id])).stdout,
    /REJECTS[\s\S]*extract:orders +succeeded +2 +1 /,
  );
});

Deno.test("a run without max_rejects fails at the row, and one with masks keeps no values of it", async () => {
  await using served = await startShop();
  const strict = await served.runToEnd("strict");
  equal(strict.state, "failed");
  match(strict.error?.message ?? "", /rowid 2 is "ten" \(text\), expected INTEGER/);
  const masked = await served.runToEnd("masked");
  equal(masked.state, "succeeded", JSON.stringify(masked.error));
  deepEqual(await served.warehouse("masked", `SELECT position, "row" FROM _sluice.rejects`), [
    ["rowid 2", "null"],
  ]);
});
