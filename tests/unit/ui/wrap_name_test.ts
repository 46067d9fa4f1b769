import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { wrapName } from "../../../ui/parts/steps/wrap_name.ts";

Deno.test("wrapName() breaks a name where its parts end, and only a part that is too long within", () => {
  deepEqual(wrapName("daily", 24), ["daily"]);
  deepEqual(wrapName("departures_with_weather_by_hour", 24), ["departures_with_weather_", "by_hour"]);
  deepEqual(wrapName("carrier_ranking→reporting", 20), ["carrier_ranking→", "reporting"]);
  deepEqual(wrapName("a".repeat(30), 24), ["a".repeat(24), "a".repeat(6)]);
  deepEqual(wrapName("", 24), [""]);
});

Deno.test("wrapName() loses nothing and keeps to the limit", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 30 }), (name, limit) => {
    const lines = wrapName(name, limit);
    equal(lines.join(""), name);
    ok(lines.every((line) => [...line].length <= limit));
  }));
});
