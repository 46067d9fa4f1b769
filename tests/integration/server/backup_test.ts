import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import type { Run, RunDetail } from "../../../contract/run.ts";
import type { TablePreview } from "../../../contract/table.ts";
import { Served } from "../../support/served_project.ts";
import { sluiceArgs, SluiceServer } from "../../support/sluice_server.ts";

const PIPELINE = `extract:
  orders: { connector: files, path: data/orders.csv, mode: incremental, primary_key: [id], update_key: id }
`;

Deno.test("a server is backed up while it runs, and goes on from there in another folder", async () => {
  await using shop = await Served.start({
    "data/orders.csv": "id,name\n1,a\n2,b\n",
    "pipelines/shop.yaml": PIPELINE,
  });
  const { projectDir, dataDir } = shop.project;
  const first = await shop.runToEnd("shop");
  deepEqual([first.state, first.rows_extracted], ["succeeded", 2]);
  const file = join(projectDir, "backup.zip");
  const during = await shop.server.trigger("shop");
  const made = await sluice("backup", file, "--project", projectDir, "--data", dataDir, "--json");
  equal(made.code, 0, made.stderr);
  equal((await shop.server.ended(during.id)).state, "succeeded");
  equal((await shop.runToEnd("shop")).state, "succeeded", "held pipelines are let go");

  const filled = await sluice("restore", file, "--data", dataDir);
  deepEqual([filled.code, /is using it/.test(filled.stderr)], [2, true], "held by the server");
  await shop.server.stop();
  const kept = await sluice("restore", file, "--data", dataDir);
  deepEqual([kept.code, /it has "/.test(kept.stderr)], [2, true], kept.stderr);

  const other = join(projectDir, "other");
  const restored = await sluice("restore", file, "--data", other);
  match(restored.stdout, /^Restored \d+ files/, restored.stderr);
  await Deno.writeTextFile(join(projectDir, "data/orders.csv"), "id,name\n1,a\n2,b\n3,c\n");
  await using server = await SluiceServer.start(projectDir, other);
  const runs = await server.call<Run[] | { runs: Run[] }>("GET", "/api/runs?pipeline=shop");
  equal((Array.isArray(runs) ? runs : runs.runs).some(({ id }) => id === first.id), true);
  const next: RunDetail = await server.ended((await server.trigger("shop")).id);
  deepEqual([next.state, next.rows_loaded <= 1], ["succeeded", true], "only what is new");
  const orders = await server.call<TablePreview>("GET", "/api/pipelines/shop/tables/raw.orders");
  deepEqual([orders.row_count, orders.cursor?.value], [3, "3"]);
});

async function sluice(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: sluiceArgs(...args),
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
