import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  formatDate,
  formatTime,
  formatTimestamp,
  parseDate,
  parseTime,
  parseTimestamp,
  quickMicros,
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

Deno.test("quickMicros() and parseTimestamp() agree wherever the first one knows", () => {
  const digits = (length: number) => fc.stringMatching(new RegExp(`^\\d{${length}}$`));
  const part = (length: number) =>
    fc.oneof({ weight: 9, arbitrary: digits(length) }, { weight: 1, arbitrary: fc.string({ maxLength: 3 }) });
  const text = fc.tuple(
    fc.oneof(fc.constantFrom("1969", "2024", "2254", "2260", "9999"), part(4)),
    fc.tuple(part(2), part(2), part(2), part(2), part(2)),
    fc.constantFrom("T", " ", "x"),
    fc.oneof(fc.constant(""), fc.integer({ min: 0, max: 7 }).chain((n) => digits(n)).map((d) => `.${d}`)),
    fc.constantFrom("", "Z", "z", "+02:00"),
  ).map(([year, [month, day, hour, minute, second], separator, fraction, zone]) =>
    `${year}-${month}-${day}${separator}${hour}:${minute}:${second}${fraction}${zone}`
  );
  fc.assert(
    fc.property(text, fc.boolean(), (text, hasZone) => {
      const quick = quickMicros(text, hasZone);
      if (quick !== undefined) deepStrictEqual(parseTimestamp(text), { micros: BigInt(quick), hasZone });
    }),
    { numRuns: 5_000 },
  );
  strictEqual(quickMicros("2024-02-29 12:34:56.789", false), Date.parse("2024-02-29T12:34:56.789Z") * 1_000);
  strictEqual(quickMicros("1969-12-31T23:59:59.5Z", true), -500_000);
});
