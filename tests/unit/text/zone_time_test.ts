import { equal } from "node:assert/strict";
import { cityOf, formatInZone, formatWait } from "../../../text/zone_time.ts";

const at = (iso: string) => Date.parse(iso);

Deno.test("formatInZone() shows the clock of the zone, in summer and in winter", () => {
  equal(formatInZone(at("2026-07-30T05:30:00Z"), "Europe/Paris"), "Thu 30 Jul 07:30 Paris");
  equal(formatInZone(at("2026-12-31T23:30:00Z"), "Europe/Paris"), "Fri 1 Jan 00:30 Paris");
  equal(formatInZone(at("2026-01-01T00:00:05Z"), "UTC"), "Thu 1 Jan 00:00:05 UTC");
  equal(formatInZone(at("2026-01-01T03:00:00Z"), "America/New_York"), "Wed 31 Dec 22:00 New York");
  equal(formatInZone(at("2026-01-01T03:00:00Z"), "No/Such"), "Thu 1 Jan 03:00 UTC");
});

Deno.test("formatInZone() leaves the date out where the day's name says it", () => {
  const nowMs = at("2026-07-29T12:00:00Z");
  equal(formatInZone(at("2026-07-30T05:30:00Z"), "Europe/Paris", nowMs), "Thu 07:30 Paris");
  equal(formatInZone(at("2026-08-05T05:30:00Z"), "Europe/Paris", nowMs), "Wed 5 Aug 07:30 Paris");
  equal(formatInZone(at("2026-07-28T05:30:00Z"), "Europe/Paris", nowMs), "Tue 28 Jul 07:30 Paris");
});

Deno.test("formatWait() has two units where the first is large", () => {
  const cases: [number, string][] = [
    [12_900, "12 s"],
    [3 * 60_000, "3 min"],
    [109 * 60_000, "1 h 49 min"],
    [120 * 60_000, "2 h"],
    [52 * 3_600_000, "2 d 4 h"],
    [-5, "0 s"],
  ];
  for (const [ms, text] of cases) equal(formatWait(ms), text);
});

Deno.test("cityOf() is the zone's last part", () => {
  equal(cityOf("America/Argentina/Buenos_Aires"), "Buenos Aires");
  equal(cityOf("UTC"), "UTC");
});
