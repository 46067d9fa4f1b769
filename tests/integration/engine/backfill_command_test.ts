import { deepEqual, equal, match } from "node:assert/strict";
import type { BackfillDetail } from "../../../contract/backfills/backfill.ts";
import type { Run } from "../../../contract/run.ts";
import { TestProject } from "../../support/test_project.ts";

Deno.test("backfill, note and rerun work without a server, and say what they did", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/w.yaml": "transform: w\n",
    "transforms/w/win.sql": "SELECT getvariable('window_start') AS f\n",
  });
  const span = ["--from", "2026-01-01", "--to", "2026-01-03", "--every", "1d"];
  const filled = await project.sluice("backfill", ["w", ...span, "--tag", "audit", "--json"]);
  equal(filled.code, 0, filled.stderr);
  match(filled.stderr, /2026-01-02 → 2026-01-03 succeeded in /);
  const backfill: BackfillDetail = JSON.parse(filled.stdout);
  deepEqual([backfill.state, backfill.total, backfill.runs.succeeded], ["succeeded", 2, 2]);
  const listed = await project.sluice("backfill", ["list", "w"]);
  match(listed.stdout, /BACKFILL[^]*backfill-\S+ +w +2026-01-01[^]*succeeded +2 of 2 +0/);
  const { windows: _, ...summary } = backfill;
  deepEqual(JSON.parse((await project.sluice("backfill", ["list", "--json"])).stdout), [summary]);
  const id = backfill.windows[0]?.run ?? "";
  const noted = await project.sluice("note", [id, "source was late", "--tag", "q1", "--json"]);
  const run: Run = JSON.parse(noted.stdout);
  deepEqual([run.tags, run.note, run.trigger], [["audit", "q1"], "source was late", "backfill"]);
  const again = await project.sluice("rerun", [id, "--from", "win", "--quiet"]);
  equal(again.code, 0, again.stderr);
  match(again.stdout, /^w succeeded in /);
});
