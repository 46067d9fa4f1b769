import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { BackfillDetail } from "../../../contract/backfills/backfill.ts";
import type { RunDetail } from "../../../contract/run.ts";
import { PATIENCE_MS, Served } from "../../support/served_project.ts";
import { waitFor } from "../../support/sluice_server.ts";

/** Backfills and reruns by a real server. */

Deno.test("a backfill goes on over a kill; a window whose load failed is retried after the others, with its own rows", async () => {
  await using served = await Served.start({
    "pipelines/w.yaml":
      "transform: w\nload: { win: { connector: lite, table: win, mode: append } }\nresources: { threads: 1 }\n",
    "transforms/w/win.sql": "SELECT getvariable('window_start')::DATE AS day, count(*) AS n FROM range(10)\n",
  });
  const path = join(served.project.projectDir, "out", "lite.sqlite");
  await Deno.mkdir(join(served.project.projectDir, "out"), { recursive: true });
  const sqlite = new DatabaseSync(path);
  sqlite.exec("PRAGMA journal_mode = wal; PRAGMA busy_timeout = 10000");
  sqlite.exec("CREATE TABLE win (day TEXT, n INTEGER)");
  sqlite.exec(
    "CREATE TRIGGER no BEFORE INSERT ON win WHEN new.day LIKE '2026-01-02%' BEGIN SELECT raise(abort, 'no'); END",
  );
  const start = { from: "2026-01-01", to: "2026-01-05", every: "1d", group: "g" };
  const backfill = await served.server.call<BackfillDetail>("POST", "/api/pipelines/w/backfills", start);
  equal(backfill.total, 4);
  equal((await served.server.call<BackfillDetail>("POST", "/api/pipelines/w/backfills", start)).total, 4);
  await waitFor(async () => (await state(served)).runs.succeeded > 0 || undefined, PATIENCE_MS);
  await served.server.kill();
  await served.startNext();
  const ended = await waitFor(async () => {
    const now = await state(served);
    return now.state === "running" ? undefined : now;
  }, PATIENCE_MS);
  deepEqual(ended?.windows.map((window) => window.state), ["succeeded", "failed", "succeeded", "succeeded"]);
  equal(ended?.state, "failed");

  sqlite.exec("DROP TRIGGER no");
  await served.server.call("POST", "/api/backfills/g/retry");
  await waitFor(async () => (await state(served)).state === "succeeded" || undefined, PATIENCE_MS);
  const rows = sqlite.prepare("SELECT substr(day, 1, 10) AS day, n FROM win ORDER BY day").all();
  sqlite.close();
  deepEqual(rows.map(({ day, n }) => [day, n]), [
    ["2026-01-01", 10],
    ["2026-01-02", 10],
    ["2026-01-03", 10],
    ["2026-01-04", 10],
  ]);

  // A rerun is for the same window, and of the one step.
  const [first] = ended?.windows ?? [];
  const rerun = await served.server.call<RunDetail>("POST", `/api/runs/${first?.run}/rerun`, {
    from: "model:win",
  });
  const done = await served.server.ended(rerun.id, PATIENCE_MS);
  deepEqual(
    [done.state, done.trigger, done.parent, done.select, done.window_start],
    ["succeeded", "rerun", first?.run, "model:win+", "2026-01-01T00:00:00.000Z"],
  );
  const wrong = await served.server.request("POST", `/api/runs/${first?.run}/rerun`, {
    body: { from: "wim" },
  });
  equal(wrong.status, 400);
  match(await wrong.text(), /has no such step \(did you mean/);
});

function state(served: Served): Promise<BackfillDetail> {
  return served.server.call("GET", "/api/backfills/g");
}
