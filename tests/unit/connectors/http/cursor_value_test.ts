import { equal, throws } from "node:assert/strict";
import { cursorText } from "../../../../connectors/http/rest/cursor_value.ts";

for (
  const [value, type, format, text] of [
    ["2026-01-03 10:00:00.5+00", "TIMESTAMP WITH TIME ZONE", "datetime", "2026-01-03T10:00:00Z"],
    ["2026-01-03 10:00:00+05:30", "TIMESTAMP WITH TIME ZONE", "datetime", "2026-01-03T04:30:00Z"],
    ["2026-01-03 00:30:00+02", "TIMESTAMP WITH TIME ZONE", "date", "2026-01-02"],
    ["2026-01-03 10:00:00", "TIMESTAMP", "datetime", "2026-01-03T10:00:00Z"],
    ["2026-01-03", "DATE", "datetime", "2026-01-03"],
    ["2026-01-03 10:00:00.999999+00", "TIMESTAMP WITH TIME ZONE", "unix", "1767434400"],
    ["2026-01-03 10:00:00.9999+00", "TIMESTAMP WITH TIME ZONE", "unix_ms", "1767434400999"],
    ["2026-01-03 10:00:00.5+00", "TIMESTAMP WITH TIME ZONE", "text", "2026-01-03 10:00:00.5+00"],
    ["9007199254740993", "BIGINT", "datetime", "9007199254740993"],
    ["2026-01-03T10:00", "VARCHAR", "datetime", "2026-01-03T10:00"],
  ] as const
) {
  Deno.test(`${value} of ${type} as ${format}`, () => equal(cursorText({ value, type }, format), text));
}

Deno.test("a time that cannot be written so is told", () => {
  throws(
    () => cursorText({ value: "0044-03-15 (BC)", type: "DATE" }, "datetime"),
    /cannot be sent as datetime/,
  );
});
