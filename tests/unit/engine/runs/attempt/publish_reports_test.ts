import { deepEqual, equal } from "node:assert/strict";
import { createPublishedFolders } from "../../../../../engine/control/streams/published_folders.ts";
import { publishReports } from "../../../../../engine/runs/attempt/publish_reports.ts";
import type { TablePreview } from "../../../../../contract/table.ts";
import { NO_WAREHOUSE_KEYS } from "../../../../../engine/runs/warehouses/warehouse_keys.ts";
import { createRowCover } from "../../../../../engine/runs/streams/row_cover.ts";

const table = (name: string): TablePreview => ({
  name,
  step: "model:orders",
  description: null,
  columns: [{ name: "id", type: "VARCHAR", description: null }],
  row_count: 2,
  cursor: null,
  changed_at: "2026-01-01T00:00:00.000Z",
  run: "r",
  rows: [["hunter2"], [null]],
  note: null,
});

Deno.test("reports are kept without secrets, by one look at the warehouse; what fails is logged and keeps no other back", async () => {
  const folder = await Deno.makeTempDir();
  try {
    let looks = 0;
    const cover = createRowCover(NO_WAREHOUSE_KEYS, () => {
      looks += 1;
      return Promise.resolve(false);
    });
    const folders = createPublishedFolders(folder, cover);
    const logged: string[] = [];
    const context = {
      pipeline: "shop",
      redact: (text: string) => text.replaceAll("hunter2", "[redacted]"),
      log: (level: string, message: string) => void logged.push(`${level} ${message}`),
    };
    const stream = {
      stream: "s",
      run: "r",
      committed_at: "2026-01-01T00:00:00.000Z",
      cursor: null,
      state: "hunter2",
    };
    await publishReports(folders, context, [
      { type: "table", table: table("../x") },
      { type: "table", table: table("orders") },
      { type: "stream", stream },
    ]);
    deepEqual((await folders.previews.get("shop", "orders"))?.rows, [["[redacted]"], [null]]);
    equal((await folders.streams.get("shop", "s"))?.state, "[redacted]");
    deepEqual(logged, ["debug a preview was not kept"]);
    equal(looks, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
