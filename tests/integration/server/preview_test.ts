import { deepEqual, equal, match } from "node:assert/strict";
import type { Table, TablePreview } from "../../../contract/table.ts";
import { ENDLESS, ONE_THREAD, Served, until } from "../../support/served_project.ts";
import { sluiceArgs } from "../../support/sluice_server.ts";

const PIPELINE = `${ONE_THREAD}
extract:
  orders:
    connector: files
    path: data/orders.csv
    mode: incremental
    primary_key: [id]
    update_key: id
    mask: { email: redact }
`;

Deno.test("data can be looked at while a run goes on, and the run after it begins at once", async () => {
  await using shop = await Served.start({
    "data/orders.csv": "id,email\n1,ada@example.com\n2,\n",
    "pipelines/shop.yaml": PIPELINE,
    "transforms/shop/slow.sql": ENDLESS,
  });
  const path = "/api/pipelines/shop/tables";
  const before = await shop.server.call<Table[]>("GET", path);
  deepEqual(before.map(({ name, changed_at }) => [name, changed_at]), [["raw.orders", null], ["slow", null]]);
  deepEqual(before[0]?.columns.map(({ name }) => name), ["id", "email"]);
  const unwritten = await shop.server.call<TablePreview>("GET", `${path}/slow`);
  deepEqual([unwritten.rows, unwritten.note], [[], "No run has written it yet"]);

  const { id } = await shop.server.trigger("shop");
  await shop.untilRunning(id, "model:slow");
  const look = () => shop.server.call<TablePreview>("GET", `${path}/raw.orders`);
  await until("the run tells of what it read", async () => (await look()).run === id);
  const orders = await look();
  deepEqual(orders.rows, [["1", "[redacted]"], ["2", null]]);
  deepEqual([orders.row_count, orders.cursor?.value], [2, "2"]);
  deepEqual(await shop.server.call<TablePreview>("GET", `${path}/ORDERS`), orders);

  const shown = await sluice(shop, "preview", "shop", "raw.orders");
  equal(shown.code, 0, shown.stderr);
  match(shown.stdout, /^cursor +id = 2$/m);
  match(shown.stdout, /^id +BIGINT$/m);
  match(shown.stdout, /^1 +\[redacted\]$/m);
  match((await sluice(shop, "preview", "shop")).stdout, /^raw\.orders +2 /m);
  const wrong = await sluice(shop, "preview", "shop", "order");
  deepEqual([wrong.code, /has no table "order"/.test(wrong.stderr)], [2, true]);
  await shop.cancel(id);
});

Deno.test("data can be looked at where no server runs, and is there again at the next start", async () => {
  await using shop = await Served.start({
    "data/orders.csv": "id,email\n1,x\n",
    "pipelines/shop.yaml": PIPELINE,
  });
  await shop.succeed("shop");
  const path = "/api/pipelines/shop/tables/raw.orders";
  const before = await shop.server.call<TablePreview>("GET", path);
  await shop.server.stop();
  const { stdout } = await sluice(shop, "preview", "shop", "orders", "--json");
  deepEqual(JSON.parse(stdout), before);
  await shop.startNext();
  deepEqual(await shop.server.call<TablePreview>("GET", path), before);
});

async function sluice({ project }: Served, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: sluiceArgs(...args),
    cwd: project.projectDir,
    env: { SLUICE_PROJECT: project.projectDir, SLUICE_DATA: project.dataDir },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
