import { deepEqual, equal, throws } from "node:assert/strict";
import { boundText, splitSpan } from "../../../../engine/control/backfills/windows.ts";

const spans = (from: string, to: string, every: string) =>
  splitSpan(from, to, every).map(({ startMs, endMs }) => [boundText(startMs), boundText(endMs)].join(" "));

Deno.test("splitSpan() cuts a span into windows side by side, the last as long as what is left", () => {
  deepEqual(spans("2026-01-01", "2026-01-03", "1d"), ["2026-01-01 2026-01-02", "2026-01-02 2026-01-03"]);
  deepEqual(spans("2026-01-01", "2026-01-02", "18h"), [
    "2026-01-01 2026-01-01T18:00:00.000Z",
    "2026-01-01T18:00:00.000Z 2026-01-02",
  ]);
  deepEqual(spans("2026-01-31", "2026-04-01", "1mo"), [
    "2026-01-31 2026-02-28",
    "2026-02-28 2026-03-31",
    "2026-03-31 2026-04-01",
  ]);
  deepEqual(spans("2024-02-29", "2026-02-28", "1y"), ["2024-02-29 2025-02-28", "2025-02-28 2026-02-28"]);
  deepEqual(spans("2026-01-01", "2026-01-15", "1w").length, 2);
  deepEqual(spans("2026-01-01T02:00:00+02:00", "2026-01-01 06:00", "1d"), [
    "2026-01-01 2026-01-01T06:00:00.000Z",
  ]);
  equal(splitSpan("2026-01-01", "2028-09-27", "1d").length, 1_000);
});

Deno.test("splitSpan() refuses what is no span, no length, or too many windows", () => {
  for (
    const [from, to, every, expected] of [
      ["soon", "2026-01-02", "1d", /from is "soon"/],
      ["2026-01-01", "2026-13-02", "1d", /to is "2026-13-02"/],
      ["2026-01-02", "2026-01-02", "1d", /the end must come after the start/],
      ["2026-01-01", "2026-01-02", "0s", /every "0s"/],
      ["2026-01-01", "2026-01-02", "", /every ""/],
      ["2026-01-01", "2026-01-02", "0mo", /every "0mo"/],
      ["2026-01-01", "2028-09-28", "1d", /more than 1000 windows/],
    ] as const
  ) throws(() => splitSpan(from, to, every), expected);
});
