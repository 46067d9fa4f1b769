import { ok, strictEqual } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Decimal, Field, makeData } from "apache-arrow";
import fc from "fast-check";
import { formatDate, formatTimestamp } from "../../../../connectors/sqlite/iso_time.ts";
import { numericReader, readerOf } from "../../../../connectors/sqlite/load/arrow_values.ts";
import { quickDates, quickTimestamps } from "../../../../connectors/sqlite/load/quick_times.ts";

Deno.test("quick timestamps are the texts that formatTimestamp() gives, or left to it", () => {
  const micros = fc.oneof(
    fc.bigInt({ min: -62_167_219_200_000_000n, max: 9_007_199_254_740_991n }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(0n, -1n, 1n, 86_399_999_999n, -86_400_000_000n, -62_167_219_200_000_001n),
  );
  fc.assert(
    fc.property(fc.array(micros, { minLength: 1, maxLength: 3_000 }), fc.boolean(), (all, hasZone) => {
      const read = quickTimestamps(BigInt64Array.from(all), hasZone);
      for (const [row, value] of all.entries()) {
        const found = read(row);
        if (found !== undefined) strictEqual(found, formatTimestamp(value) + (hasZone ? "+00:00" : ""));
        else ok(value < -62_167_219_200_000_000n || !Number.isSafeInteger(Number(value)), String(value));
      }
    }),
  );
});

Deno.test("quick dates are the texts that formatDate() gives, or left to it", () => {
  const days = fc.oneof(
    fc.integer({ min: -719_530, max: 2_932_900 }),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  );
  fc.assert(fc.property(fc.array(days, { minLength: 1, maxLength: 3_000 }), (all) => {
    const read = quickDates(Int32Array.from(all));
    for (const [row, day] of all.entries()) {
      const found = read(row);
      if (found !== undefined) strictEqual(found, formatDate(day));
      else ok(day < -719_528 || day > 2_932_896, String(day));
    }
  }));
});

Deno.test("decimals become the numbers that SQLite makes of their texts", () => {
  using database = new DatabaseSync(":memory:");
  const cast = database.prepare("SELECT CAST(? AS REAL)");
  cast.setReturnArrays(true);
  const unscaled = fc.oneof(
    fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
    fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n }),
    fc.constantFrom(0n, -1n, 2n ** 53n - 1n, -(2n ** 53n) + 1n, 2n ** 53n, 2n ** 64n),
  );
  fc.assert(
    fc.property(unscaled, fc.integer({ min: 0, max: 15 }), (value, scale) => {
      const type = new Decimal(scale, 30, 128);
      const words = new Uint32Array(BigInt64Array.of(BigInt.asIntN(64, value), value >> 64n).buffer);
      const data = makeData({ type, length: 1, nullCount: 0, data: words });
      const field = new Field("d", type, true);
      const text = readerOf(field, data)(0);
      const found = numericReader(field, data)(0);
      if (typeof found === "string") return strictEqual(found, text);
      const row: unknown = cast.get(text);
      strictEqual(Array.isArray(row) ? row[0] : undefined, found, String(text));
    }),
    { numRuns: 2_000 },
  );
});
