import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  formatDate,
  formatTime,
  formatTimestamp,
  parseDate,
  parseTime,
  parseTimestamp,
} from "../../../../connectors/sqlite/iso_time.ts";

Deno.test("formatDate() and parseDate() agree with the runtime's own calendar", () => {
  fc.assert(fc.property(fc.integer({ min: -719_528, max: 2_932_896 }), (days) => {
    const text = formatDate(days);
    strictEqual(text, new Date(days * 86_400_000).toISOString().slice(0, 10));
    strictEqual(parseDate(text), days);
  }));
});

Deno.test("parseDate() reads back every date that DuckDB has, infinity too", () => {
  fc.assert(fc.property(fc.integer({ min: -2_147_483_646, max: 2_147_483_646 }), (days) => {
    strictEqual(parseDate(formatDate(days)), days);
  }));
  strictEqual(formatDate(2_147_483_647), "infinity");
  strictEqual(parseDate("-infinity"), -2_147_483_647);
});

Deno.test("parseDate() refuses what is no date", () => {
  for (
    const text of [
      "2023-02-29",
      "2024-13-01",
      "2024-00-10",
      "2024-01-00",
      "24-01-01",
      "2024-1-1",
      "",
      "today",
    ]
  ) {
    strictEqual(parseDate(text), undefined, text);
  }
});

Deno.test("parseTimestamp() reads back every microsecond", () => {
  const limit = 9_223_372_036_854_775_806n;
  fc.assert(fc.property(fc.bigInt({ min: -limit, max: limit }), (micros) => {
    deepStrictEqual(parseTimestamp(formatTimestamp(micros)), { micros, hasZone: false });
  }));
});

Deno.test("parseTimestamp() takes zones, and the forms that programs write", () => {
  const read = (text: string) => parseTimestamp(text)?.micros;
  strictEqual(read("1970-01-01T00:00:01Z"), 1_000_000n);
  strictEqual(read("1970-01-01 02:00:00+02:00"), 0n);
  strictEqual(read("1969-12-31 19:00:00-0500"), 0n);
  strictEqual(read("1970-01-01 00:00"), 0n);
  strictEqual(read("1970-01-02"), 86_400_000_000n);
  strictEqual(read("1969-12-31 23:59:59.5"), -500_000n);
  for (
    const text of [
      "1970-01-01 25:00",
      "1970-01-01 00:00:60",
      "1970-01-01 00:00:00.1234567",
      "1704067200",
      "noon",
    ]
  ) {
    strictEqual(read(text), undefined, text);
  }
});

Deno.test("formatTime() and parseTime() keep microseconds", () => {
  strictEqual(formatTime(86_399_999_999n), "23:59:59.999999");
  strictEqual(parseTime("23:59:59.999999"), 86_399_999_999n);
  strictEqual(parseTime("24:00:00"), 86_400_000_000n);
  strictEqual(parseTime("24:00:01"), undefined);
});
