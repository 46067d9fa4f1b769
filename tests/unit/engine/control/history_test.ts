import assert from "node:assert/strict";
import { trendFigures } from "../../../../contract/runs/history.ts";
import { AppError } from "../../../../contract/errors.ts";
import { countDays, daysUntil } from "../../../../engine/control/history/days.ts";
import { logFilterOf } from "../../../../engine/control/history/log_conditions.ts";
import { LocalHistory } from "../../../../engine/control/history/local_history.ts";
import { formatHistory } from "../../../../server/cli/commands/runs/history_command.ts";
import { addPipeline, newRun, StoreFixture } from "../store/store_fixture.ts";

const at = (text: string) => Date.parse(text);

Deno.test("days begin by the clock of their zone, also where it changes", () => {
  const paris = daysUntil(at("2026-03-30T10:00:00Z"), "Europe/Paris", 3);
  assert.deepEqual(paris.map(({ date, startMs }) => [date, new Date(startMs).toISOString()]), [
    ["2026-03-28", "2026-03-27T23:00:00.000Z"],
    ["2026-03-29", "2026-03-28T23:00:00.000Z"],
    ["2026-03-30", "2026-03-29T22:00:00.000Z"],
  ]);
  const lordHowe = daysUntil(at("2026-04-05T12:00:00Z"), "Australia/Lord_Howe", 2);
  assert.deepEqual(lordHowe.map(({ startMs }) => new Date(startMs).toISOString()), [
    "2026-04-03T13:00:00.000Z",
    "2026-04-04T13:00:00.000Z",
  ]);
  // Samoa left the 30th of December 2011 out.
  assert.deepEqual(daysUntil(at("2011-12-31T12:00:00Z"), "Pacific/Apia", 2).at(-1)?.date, "2012-01-01");
  assert.deepEqual(daysUntil(at("2026-01-02T00:00:00Z"), "Nowhere/Else", 1)[0]?.date, "2026-01-02");
});

Deno.test("a run belongs to the day of its zone in which it was asked for", () => {
  const days = daysUntil(at("2026-03-30T10:00:00Z"), "Asia/Kathmandu", 2);
  const counted = countDays(days, [
    { fromMs: at("2026-03-29T18:15:00Z"), state: "failed", count: 2 },
    { fromMs: at("2026-03-29T18:00:00Z"), state: "succeeded", count: 3 },
    { fromMs: at("2026-03-28T18:00:00Z"), state: "succeeded", count: 9 },
    { fromMs: at("2026-03-30T09:45:00Z"), state: "running", count: 1 },
    { fromMs: at("2026-03-30T09:45:00Z"), state: "queued", count: 1 },
  ]);
  assert.deepEqual(counted, [
    { date: "2026-03-29", succeeded: 3, failed: 0, cancelled: 0, active: 0 },
    { date: "2026-03-30", succeeded: 0, failed: 2, cancelled: 0, active: 2 },
  ]);
});

Deno.test("figures of a trend are of the runs that succeeded", () => {
  const point = (state: string, duration_ms: number | null, rows: number | null = null) => ({
    state,
    duration_ms,
    rows,
  });
  assert.deepEqual(
    trendFigures([
      point("succeeded", 10),
      point("warned", 20),
      point("failed", 900),
      point("skipped", null, 3),
    ]),
    { runs: 4, failed: 1, lastMs: null, lastRows: 3, medianMs: 15, slowestMs: 20 },
  );
  assert.equal(trendFigures([]).medianMs, null);
});

Deno.test("conditions of a search are times, dates and how long ago", () => {
  const nowMs = at("2026-03-10T00:00:00Z");
  assert.deepEqual(logFilterOf({ since: "7d", until: "2026-03-09" }, nowMs), {
    sinceMs: at("2026-03-03T00:00:00Z"),
    untilMs: at("2026-03-09T00:00:00Z"),
  });
  assert.deepEqual(logFilterOf({ search: "", step: "", since: "" }, nowMs), {});
  for (const wrong of [{ since: "yesterday" }, { until: "2026-13-01" }, { search: "x".repeat(501) }]) {
    assert.throws(
      () => logFilterOf(wrong, nowMs),
      (error) => error instanceof AppError && error.code === "invalid",
    );
  }
});

Deno.test("LocalHistory goes by the zone of the schedule, and knows neither pipelines nor cursors that are none", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await addPipeline(store, "a");
  const nowMs = at("2026-03-10T12:00:00Z");
  await store.runs.create(newRun("r", { pipeline: "a", createdAtMs: nowMs }));
  const history = new LocalHistory({ store, clock: { now: () => nowMs } });
  const found = await history.ofPipeline("a", { days: 40 });
  assert.deepEqual([found.timezone, found.from, found.to], ["UTC", "2026-01-30", "2026-03-10"]);
  assert.deepEqual(found.days, [{ date: "2026-03-10", succeeded: 0, failed: 0, cancelled: 0, active: 1 }]);
  await assert.rejects(
    history.ofPipeline("none", {}),
    (error) => error instanceof AppError && error.code === "not_found",
  );
  await assert.rejects(history.searchLogs({ pipeline: "none" }), /There is no pipeline/);
  await assert.rejects(
    history.searchLogs({ after: "x" }),
    (error) => error instanceof AppError && error.reason === "unknown_cursor",
  );
  assert.deepEqual(await history.searchLogs({ pipeline: "a", search: "x" }), {
    lines: [],
    next: null,
    searched_back_to: null,
  });
});

Deno.test("formatHistory() has a mark for each day and a line for each step", () => {
  const day = (date: string, change: object) => ({
    date,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    active: 0,
    ...change,
  });
  const text = formatHistory({
    pipeline: "orders",
    timezone: "Europe/Paris",
    from: "2026-03-04",
    to: "2026-03-12",
    days: [
      day("2026-03-04", { succeeded: 2 }),
      day("2026-03-05", { succeeded: 2, failed: 1 }),
      day("2026-03-09", { failed: 1 }),
      day("2026-03-10", { cancelled: 1 }),
      day("2026-03-12", { active: 1 }),
    ],
    runs: [{
      id: "r",
      state: "succeeded",
      created_at: "2026-03-04T00:00:00.000Z",
      duration_ms: 12_400,
      rows_extracted: 1_204,
      rows_loaded: 3,
    }],
    steps: [{
      name: "extract:orders",
      kind: "extract",
      runs: [{ run: "r", state: "succeeded", duration_ms: 900, rows: 1_204 }],
    }],
  });
  assert.equal(
    text,
    [
      "8 runs of orders from 2026-03-04 to 2026-03-12 (Europe/Paris): 4 succeeded, 2 failed, 1 cancelled",
      "",
      "Mon   ✗",
      "Tue   -",
      "Wed ✓ ·",
      "Thu ! …",
      "Fri ·",
      "Sat ·",
      "Sun ·",
      "",
      "✓ all succeeded  ! some failed  ✗ all failed  - cancelled  … under way",
      "",
      "The last run:",
      "",
      "                  LAST  MEDIAN  SLOWEST  FAILED  LAST ROWS",
      "the whole run   12.4 s  12.4 s   12.4 s       0      1,204",
      "extract:orders  900 ms  900 ms   900 ms       0      1,204",
    ].join("\n"),
  );
});
