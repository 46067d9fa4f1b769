import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { paramsJsonSchema } from "../../../../contract/params/json_schema.ts";
import { paramFaults, resolveParams } from "../../../../contract/params/values.ts";
import { RUN_VARIABLES } from "../../../../sql/build/variables.ts";
import { define, DEFINITIONS } from "./fixtures.ts";

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
  const faults = paramFaults(
    define({
      Run_Id: { default: "" },
      region: { default: 5 },
      REGION: { default: "x" },
      day: { type: "date", enum: ["2024-01-01", "soon"], default: "2024-01-01" },
      size: { type: "integer", enum: [1], default: 2 },
      fine: { type: "number", default: "1.5" },
    }),
    RUN_VARIABLES,
  );
  assert.deepEqual(faults.map(({ path, message }) => `${path.join(".")}: ${message}`), [
    "Run_Id: Run_Id is a variable of every run: use another name",
    "region.default: must be text, but got 5",
    "REGION: REGION is here twice",
    'day.enum.1: must be a date such as 2024-01-31, but got "soon"',
    "size.default: must be one of 1, but got 2",
  ]);
});

const RULES = define({
  size: { type: "integer", min: 1, max: "9007199254740993", default: 1 },
  ratio: { type: "number", max: 0.5, default: 0 },
  day: { type: "date", min: "2024-01-01", default: "2024-01-01" },
  since: { type: "timestamp", max: "2024-01-01T00:00:00.000001Z", default: "2023-01-01" },
  code: { pattern: "[A-Z]{2}|x", default: "x" },
  maybe: { type: "integer", required: false },
});

Deno.test("resolveParams() holds values to min, max and pattern", () => {
  assert.deepEqual(
    resolveParams(RULES, {
      size: "9007199254740993",
      ratio: 0.5,
      day: "2024-01-01",
      since: "2024-01-01T01:00:00.000001+01:00",
      code: "DE",
    }),
    {
      size: "9007199254740993",
      ratio: 0.5,
      day: "2024-01-01",
      since: "2024-01-01T01:00:00.000001+01:00",
      code: "DE",
      maybe: null,
    },
  );
  const refused: readonly (readonly [string, unknown, string])[] = [
    ["size", 0, "must be at least 1, but got 0"],
    ["size", "9007199254740994", 'must be at most 9007199254740993, but got "9007199254740994"'],
    ["ratio", 0.51, "must be at most 0.5, but got 0.51"],
    ["day", "2023-12-31", 'must be at least 2024-01-01, but got "2023-12-31"'],
    [
      "since",
      "2024-01-01T00:00:00.000002Z",
      'must be at most 2024-01-01T00:00:00.000001Z, but got "2024-01-01T00:00:00.000002Z"',
    ],
    // The whole text has to match, each alternative of it.
    ["code", "xx", 'must match [A-Z]{2}|x, but got "xx"'],
    ["code", "DE\n", 'must match [A-Z]{2}|x, but got "DE\\n"'],
    ["code", "A".repeat(1_001), "must have at most 1000 characters, as it has a pattern, but has 1001"],
  ];
  for (const [name, value, message] of refused) {
    assert.throws(() => resolveParams(RULES, { [name]: value }), {
      message: `Cannot use these params: the param ${name} ${message}`,
    });
  }
});

Deno.test("paramFaults() finds rules that do not go with the type or with each other", () => {
  const faults = paramFaults(
    define({
      word: { min: 1 },
      flag: { type: "boolean", max: 1 },
      size: { type: "integer", min: "one" },
      order: { type: "date", min: "2024-02-01", max: "2024-01-01" },
      shape: { pattern: "(" },
      number: { type: "integer", pattern: "1" },
      both: { required: true, default: "x" },
      low: { type: "integer", min: 5, default: 4 },
      fine: { pattern: "a+", default: "aa" },
    }),
    RUN_VARIABLES,
  );
  assert.deepEqual(
    faults.map(({ path, message }) =>
      `${path.join(".")}: ${message.replace(/expression: .*/, "expression")}`
    ),
    [
      "word.min: goes with numbers, dates and timestamps, not with string",
      "flag.max: goes with numbers, dates and timestamps, not with boolean",
      'size.min: must be a whole number of at most 64 bits, but got "one"',
      "order.max: is less than min (2024-02-01)",
      "shape.pattern: is no regular expression",
      "number.pattern: goes with string, not with integer",
      "both.required: has a default, so a run may leave it out",
      "low.default: must be at least 5, but got 4",
    ],
  );
});

Deno.test("paramsJsonSchema() says what resolveParams() holds values to", () => {
  const params = define({
    region: { enum: ["eu", "us"], description: "Where from." },
    size: { type: "integer", min: 1, max: "10", default: "5" },
    code: { pattern: "a|b", required: false },
    since: { type: "timestamp", min: "2024-01-01", default: "2024-06-01" },
  });
  assert.deepEqual(paramsJsonSchema("orders", params), {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Params of orders",
    type: "object",
    properties: {
      region: { type: "string", description: "Where from.", enum: ["eu", "us"] },
      size: { type: "integer", minimum: 1, maximum: 10, default: 5 },
      code: { type: ["string", "null"], pattern: "^(?:a|b)$", default: null },
      since: {
        type: "string",
        format: "date-time",
        formatMinimum: "2024-01-01",
        default: "2024-06-01T00:00:00Z",
      },
    },
    required: ["region"],
    additionalProperties: false,
  });
});
