import { deepEqual, equal, match, ok } from "node:assert/strict";
import { startApi } from "../../support/api_bench.ts";
import { apiProject, linesOf, runUnderPolicy } from "../../support/api_project.ts";

/** Arrays of an endpoint's records as raw tables, through whole runs. */

interface Order {
  readonly id: number;
  readonly at: string;
  readonly lines:
    | readonly { readonly sku: string; readonly qty: number; readonly tags?: readonly string[] }[]
    | null;
}

const PIPELINE = `
extract:
  orders:
    connector: api
    endpoint: { path: orders, data_selector: data, incremental: { start_param: since, initial_value: "2000-01-01T00:00:00Z" } }
    mode: incremental
    primary_key: [id]
    update_key: at
    child_tables: [lines, lines.tags]
load:
  orders__lines: { connector: files, path: out/lines.csv, primary_key: [_sluice_parent_id, _sluice_index] }
  per_sku: { connector: files, path: out/per_sku.csv }
`;
const MODEL = `/*
columns:
  order_id: { checks: [{ relationships: { to: raw.orders, column: id } }] }
*/
SELECT lines._sluice_parent_id AS order_id, lines.sku, lines.qty, count(tags.value) AS tags
  FROM raw.orders__lines AS lines
  LEFT JOIN raw.orders__lines__tags AS tags
    ON tags._sluice_parent_id = lines._sluice_parent_id AND tags._sluice_lines_index = lines._sluice_index
 GROUP BY ALL ORDER BY ALL
`;

Deno.test("child tables are read, modelled, checked, loaded and shown", async () => {
  const rows = new Map<number, Order>([
    [1, {
      id: 1,
      at: "2026-01-01T00:00:00Z",
      lines: [{ sku: "a", qty: 1, tags: ["x", "y"] }, { sku: "b", qty: 2 }],
    }],
    [2, { id: 2, at: "2026-01-01T00:00:00Z", lines: [{ sku: "c", qty: 3, tags: [] }] }],
    [3, { id: 3, at: "2026-01-01T00:00:00Z", lines: [{ sku: "d", qty: 4 }] }],
  ]);
  await using api = await startApi((url) => ({
    data: [...rows.values()].filter(({ at }) => at >= (url.searchParams.get("since") ?? "")),
  }));
  await using made = await apiProject(api.url, PIPELINE);
  await made.write({ "transforms/p/per_sku.sql": MODEL });
  const first = await runUnderPolicy(made);
  equal(first.code, 0, first.stdout + first.stderr);
  deepEqual(await linesOf(made, "per_sku"), [
    "order_id,sku,qty,tags",
    "1,a,1,2",
    "1,b,2,0",
    "2,c,3,0",
    "3,d,4,0",
  ]);
  // One shrinks, one loses all, one is new.
  rows.set(1, { id: 1, at: "2026-01-02T00:00:00Z", lines: [{ sku: "b", qty: 5 }] });
  rows.set(2, { id: 2, at: "2026-01-02T00:00:00Z", lines: null });
  rows.set(4, { id: 4, at: "2026-01-02T00:00:00Z", lines: [{ sku: "e", qty: 6, tags: ["z"] }] });
  const second = await runUnderPolicy(made, "p", ["--json"]);
  equal(second.code, 0, second.stdout + second.stderr);
  deepEqual(await linesOf(made, "lines"), [
    "_sluice_parent_id,_sluice_index,sku,qty",
    "1,0,b,5",
    "3,0,d,4",
    "4,0,e,6",
  ]);
  deepEqual(await linesOf(made, "per_sku"), ["order_id,sku,qty,tags", "1,b,5,0", "3,d,4,0", "4,e,6,1"]);
  const schema = await made.sluice("schema", ["p", "orders__lines"]);
  equal(schema.code, 0, schema.stdout + schema.stderr);
  match(schema.stdout, /sku/);

  await made.write({
    "transforms/p/per_sku.sql": MODEL.replace("lines.qty", "lines.quantity"),
    "pipelines/p.yaml": PIPELINE.replace("lines.tags]", "lines.tags, notes]").replace(
      "_sluice_index]",
      "position]",
    ),
  });
  const again = await made.sluice("check", [], { SLUICE_POLICY: `${made.projectDir}/policy.yaml` });
  const faults = again.stdout + again.stderr;
  match(faults, /per_sku\.sql:\d+.*quantity/, "the model's columns");
  match(faults, /orders__lines has no column position/, "the load's key");
  match(faults, /has no array "notes" where it was looked for/);
  ok(!faults.includes("lines.tags"), faults);
});
