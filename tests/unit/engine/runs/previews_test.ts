import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { TablePreview } from "../../../../contract/table.ts";
import { PreviewFolder } from "../../../../engine/runs/previews.ts";

const table = (change: Partial<TablePreview> = {}): TablePreview => ({
  name: "raw.orders",
  step: "extract:orders",
  description: null,
  columns: [{ name: "id", type: "BIGINT", description: null }],
  row_count: 1,
  cursor: null,
  changed_at: "2026-01-01T00:00:00.000Z",
  run: "r",
  rows: [["1"]],
  note: null,
  ...change,
});

async function withFolder(work: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await work(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test("a preview is there for a later start, in a file that others cannot read", async () => {
  await withFolder(async (path) => {
    await new PreviewFolder(path).put("shop", table());
    const { rows, note: _, ...facts } = table();
    const later = new PreviewFolder(path);
    deepEqual(await later.get("shop", "raw.orders"), table());
    deepEqual(await later.facts("shop", "raw.orders"), facts);
    deepEqual(rows, [["1"]]);
    await later.put("shop", table({ row_count: 2 }));
    equal((await later.facts("shop", "raw.orders"))?.row_count, 2);
    const folder = join(path, "previews", "shop");
    deepEqual((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["raw.orders.json"]);
    if (Deno.build.os !== "windows") {
      equal(((await Deno.stat(join(folder, "raw.orders.json"))).mode ?? 0) & 0o077, 0);
    }
  });
});

Deno.test("what is not there, broken or of another version is no preview", async () => {
  await withFolder(async (path) => {
    const previews = new PreviewFolder(path);
    equal(await previews.get("shop", "raw.orders"), undefined);
    equal(await previews.facts("shop", "raw.orders"), undefined);
    await previews.put("shop", table());
    const file = join(path, "previews", "shop", "raw.orders.json");
    for (const text of ["", "{", '{"name":"raw.orders"}']) {
      await Deno.writeTextFile(file, text);
      equal(await previews.get("shop", "raw.orders"), undefined);
    }
  });
});

Deno.test("no name leads out of the folder", async () => {
  await withFolder(async (path) => {
    const previews = new PreviewFolder(path);
    await rejects(previews.put("..", table()), { code: "invalid" });
    await rejects(previews.put("shop", table({ name: "../../x" })), { code: "invalid" });
    await rejects(previews.get("a/b", "x"), { code: "invalid" });
  });
});
