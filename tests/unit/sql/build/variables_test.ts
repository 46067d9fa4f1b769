import assert from "node:assert/strict";
import * as v from "valibot";
import { AppError } from "../../../../contract/errors.ts";
import { type ParamDefinition, paramSchema } from "../../../../contract/pipeline/pipeline.ts";
import { paramFaults, resolveParams, setRunVariables } from "../../../../sql/build/variables.ts";
import { withSession } from "../fixtures.ts";

const define = (definitions: Record<string, unknown>): Record<string, ParamDefinition> =>
  v.parse(v.record(v.string(), paramSchema), definitions);

const DEFINITIONS = define({
  region: { default: "eu" },
  count: { type: "integer", default: 1 },
  ratio: { type: "number", default: 0.5 },
  dry: { type: "boolean", default: false },
  day: { type: "date", default: "2024-02-29" },
  since: { type: "timestamp", default: "2024-01-01T02:00+02:00" },
  nothing: { type: "timestamp", default: null },
  select: { default: "it's" },
});

Deno.test("setRunVariables() sets each variable with its type, NULL or not", async () => {
  await withSession(async (session) => {
    await setRunVariables(session, {
      runId: "r1",
      pipeline: "orders",
      runStart: new Date("2024-03-01T10:00:00.123Z"),
      windowStart: null,
      windowEnd: new Date("2024-03-01T00:00:00Z"),
      definitions: DEFINITIONS,
      params: resolveParams(DEFINITIONS, { count: "9007199254740993" }),
    });
    const rows = await session.rows(
      "SELECT name, value::VARCHAR AS value, type FROM duckdb_variables() ORDER BY name",
    );
    assert.deepEqual(rows.map((row) => Object.values(row).join(" | ")), [
      "count | 9007199254740993 | BIGINT",
      "day | 2024-02-29 | DATE",
      "dry | false | BOOLEAN",
      "nothing | NULL | TIMESTAMP WITH TIME ZONE",
      "pipeline | orders | VARCHAR",
      "ratio | 0.5 | DOUBLE",
      "region | eu | VARCHAR",
      "run_id | r1 | VARCHAR",
      "run_start | 2024-03-01 10:00:00.123+00 | TIMESTAMP WITH TIME ZONE",
      "select | it's | VARCHAR",
      "since | 2024-01-01 00:00:00+00 | TIMESTAMP WITH TIME ZONE",
      "window_end | 2024-03-01 00:00:00+00 | TIMESTAMP WITH TIME ZONE",
      "window_start | NULL | TIMESTAMP WITH TIME ZONE",
    ]);
  });
});

Deno.test("resolveParams() takes values and their text, and fills in defaults", () => {
  assert.deepEqual(
    resolveParams(DEFINITIONS, {
      count: "-5",
      ratio: "1e-3",
      dry: "true",
      since: "2024-01-01 00:00:00.123456",
      select: undefined,
    }),
    {
      region: "eu",
      count: -5,
      ratio: 0.001,
      dry: true,
      day: "2024-02-29",
      since: "2024-01-01T00:00:00.123456Z",
      nothing: null,
      select: "it's",
    },
  );
  assert.equal(resolveParams(DEFINITIONS, { since: "2024-01-01" })["since"], "2024-01-01T00:00:00Z");
  assert.equal(resolveParams(DEFINITIONS, { nothing: null })["nothing"], null);
});

Deno.test("resolveParams() holds values to an enum in the param's own type", () => {
  const definitions = define({
    size: { type: "integer", enum: [1, 2] },
    region: { enum: ["europe", "asia"], default: "europe" },
  });
  assert.deepEqual(resolveParams(definitions, { size: "2" }), { size: 2, region: "europe" });
  assert.throws(() => resolveParams(definitions, { size: 3, region: "euorpe" }), {
    message: "Cannot use these params: the param size must be one of 1, 2, but got 3; " +
      'the param region must be one of europe, asia, but got "euorpe" (did you mean europe?)',
  });
});

const REFUSED: readonly (readonly [given: Record<string, unknown>, message: RegExp])[] = [
  [{ regoin: "eu" }, /there is no param regoin \(did you mean region\?\)/],
  [{ region: 5 }, /the param region must be text, but got 5/],
  [{ region: null }, /the param region must have a value, but got null/],
  [{ region: "a\0b" }, /the param region must not hold a NUL/],
  [{ count: 1.5 }, /the param count must be a whole number .*but got 1.5/],
  [{ count: "9223372036854775808" }, /the param count must be a whole number/],
  [{ count: 2 ** 53 }, /the param count must be a whole number/],
  [{ count: "" }, /the param count must be a whole number/],
  [{ ratio: "NaN" }, /the param ratio must be a number/],
  [{ ratio: Infinity }, /the param ratio must be a number/],
  [{ dry: "yes" }, /the param dry must be true or false, but got "yes"/],
  [{ dry: 1 }, /the param dry must be true or false/],
  [{ day: "2024-02-30" }, /the param day must be a date such as 2024-01-31, but got "2024-02-30"/],
  [{ day: "2024-2-3" }, /the param day must be a date/],
  [{ since: "2024-01-01T25:00:00Z" }, /the param since must be a timestamp/],
  [{ since: "2024-01-01T10:00:00+99:00" }, /the param since must be a timestamp/],
  [{ since: "tomorrow" }, /the param since must be a timestamp/],
  [{ since: ["2024-01-01"] }, /the param since must be a timestamp/],
  [{ a: 1, region: {} }, /no param a \(there are .*\); the param region must be text/],
];

for (const [given, message] of REFUSED) {
  Deno.test(`resolveParams() refuses ${JSON.stringify(given)}`, () => {
    assert.throws(() => resolveParams(DEFINITIONS, given), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "invalid");
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("resolveParams() wants what has no default", () => {
  assert.throws(() => resolveParams(define({ region: {} }), {}), {
    message: "Cannot use these params: the param region has no value and no default",
  });
});

Deno.test("paramFaults() finds defaults, enums and names that cannot be", () => {
  const faults = paramFaults(define({
    Run_Id: { default: "" },
    region: { default: 5 },
    REGION: { default: "x" },
    day: { type: "date", enum: ["2024-01-01", "soon"], default: "2024-01-01" },
    size: { type: "integer", enum: [1], default: 2 },
    fine: { type: "number", default: "1.5" },
  }));
  assert.deepEqual(faults.map(({ path, message }) => `${path.join(".")}: ${message}`), [
    "Run_Id: Run_Id is a variable of every run: use another name",
    "region.default: must be text, but got 5",
    "REGION: REGION is here twice",
    'day.enum.1: must be a date such as 2024-01-31, but got "soon"',
    "size.default: must be one of 1, but got 2",
  ]);
});
