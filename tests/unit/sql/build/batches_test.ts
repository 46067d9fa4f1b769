import { deepEqual, equal, throws } from "node:assert/strict";
import { laterBy, periodStart, readLength } from "../../../../contract/pipeline/lengths.ts";
import { batchesOf, MAX_BATCHES } from "../../../../sql/build/batches.ts";
import { randomFrom } from "../../../support/random.ts";
import { model } from "../fixtures.ts";

const at = (text: string): number => Date.parse(text);
const isos = (windows: ReturnType<typeof batchesOf>) =>
  windows.map(({ startMs, endMs }) =>
    [startMs, endMs].map((ms) =>
      ms === null ? "-" : new Date(ms).toISOString().replace("T00:00:00.000Z", "").replace(":00.000Z", "")
    ).join(" ")
  );

const events = (header = "") =>
  model(
    "m",
    `/* @sluice\nmaterialized: incremental\nstrategy: delete_insert\nupdate_key: at\n${header}*/\nSELECT 1`,
  );
const window = (start: string | null, end: string) => ({
  startMs: start === null ? null : at(start),
  endMs: at(end),
});
const OWN = { isGiven: false, isByDay: false };

Deno.test("a model without batches has its run's window as it is, moved back by its lookback", () => {
  const own = window("2026-03-01T06:30Z", "2026-03-02T06:30Z");
  deepEqual(batchesOf(events(), own, OWN), [own]);
  deepEqual(isos(batchesOf(events("lookback: 1d\n"), own, OWN)), ["2026-02-28T06:30 2026-03-02T06:30"]);
  deepEqual(isos(batchesOf(events("lookback: 1mo\n"), own, OWN)), ["2026-02-01T06:30 2026-03-02T06:30"]);
  deepEqual(
    batchesOf(events("lookback: 1d\n"), own, { ...OWN, isGiven: true }),
    [own],
    "one that was asked for",
  );
});

Deno.test("days that cannot be told apart are replaced whole", () => {
  const byDay = { isGiven: false, isByDay: true };
  deepEqual(isos(batchesOf(events(), window("2026-03-01T06:30Z", "2026-03-02T06:30Z"), byDay)), [
    "2026-03-01 2026-03-03",
  ]);
  deepEqual(isos(batchesOf(events(), window("2026-03-01", "2026-03-02"), byDay)), ["2026-03-01 2026-03-02"]);
});

Deno.test("batches are whole periods of the calendar that cover the window", () => {
  const days = events("batch_size: 1d\n");
  deepEqual(isos(batchesOf(days, window("2026-02-27T06:30Z", "2026-03-01T00:00Z"), OWN)), [
    "2026-02-27 2026-02-28",
    "2026-02-28 2026-03-01",
  ]);
  deepEqual(isos(batchesOf(days, window("2026-02-28", "2026-03-01T00:01Z"), { ...OWN, isGiven: true })), [
    "2026-02-28 2026-03-01",
    "2026-03-01 2026-03-02",
  ]);
  deepEqual(
    isos(batchesOf(events("batch_size: 1mo\nlookback: 1\n"), window("2026-03-31", "2026-04-02"), OWN)),
    [
      "2026-02-01 2026-03-01",
      "2026-03-01 2026-04-01",
      "2026-04-01 2026-05-01",
    ],
  );
  deepEqual(isos(batchesOf(events("batch_size: 1w\n"), window("2026-11-27", "2026-11-28"), OWN)), [
    "2026-11-23 2026-11-30",
  ], "from a Monday");
});

Deno.test("the first build begins at `begin`, or with everything in one", () => {
  const none = window(null, "2026-03-02T12:00Z");
  deepEqual(isos(batchesOf(events("batch_size: 1d\n"), none, OWN)), ["- 2026-03-03"]);
  deepEqual(isos(batchesOf(events("batch_size: 1d\nbegin: 2026-03-01\n"), none, OWN)), [
    "2026-03-01 2026-03-02",
    "2026-03-02 2026-03-03",
  ]);
  deepEqual(isos(batchesOf(events("begin: 2026-03-01T05:00\n"), none, OWN)), [
    "2026-03-01T05:00 2026-03-02T12:00",
  ]);
  const begun = events("batch_size: 1d\nbegin: 2026-03-01\nlookback: 5\n");
  deepEqual(isos(batchesOf(begun, window("2026-03-02", "2026-03-03"), OWN)), [
    "2026-03-01 2026-03-02",
    "2026-03-02 2026-03-03",
  ], "a lookback does not go behind it");
  const later = events("batch_size: 1d\nbegin: 2027-01-01\n");
  deepEqual(isos(batchesOf(later, none, OWN)), ["2027-01-01 2027-01-01"], "nothing yet, but a table");
});

Deno.test("more batches than anybody means are refused", () => {
  throws(
    () => batchesOf(events("batch_size: 1s\nbegin: 1970-01-01\n"), window(null, "2026-01-01"), OWN),
    new RegExp(`in batches of 1s: that is more than ${MAX_BATCHES} of them`),
  );
});

Deno.test("batches of random windows and lengths follow one another and cover the window", () => {
  const random = randomFrom(11);
  for (let round = 0; round < 500; round++) {
    const size = ["1h", "6h", "1d", "3d", "2w", "1mo", "5mo", "2y"][Math.floor(random() * 8)] ?? "1d";
    const startMs = Math.floor(random() * 2e12) - 5e11;
    const endMs = startMs + Math.floor(random() * 2e8);
    const batches = batchesOf(events(`batch_size: ${size}\n`), { startMs, endMs }, OWN);
    const length = readLength(size);
    if (length === undefined) throw new Error(size);
    let before = batches[0]?.startMs ?? NaN;
    equal(before, periodStart(startMs, length));
    for (const { startMs, endMs } of batches) {
      equal(startMs, before);
      equal(periodStart(startMs ?? NaN, length), startMs);
      equal(endMs, laterBy(startMs ?? NaN, length, 1));
      before = endMs;
    }
    equal(
      before >= endMs && laterBy(before, length, -1) < Math.max(endMs, startMs + 1),
      true,
      `${size} ${startMs}`,
    );
  }
});
