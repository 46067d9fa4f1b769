import { deepEqual, equal, match, ok } from "node:assert/strict";
import { failureOf } from "../../support/api_bench.ts";
import { recordOf, says, schemaOf, stateOf, TapBench } from "../../support/singer_bench.ts";

/** Taps that break off, say nonsense or do not end: each is a clear error, or the right rows. */

const bench = await TapBench.create();
Deno.test.afterAll(() => bench[Symbol.asyncDispose]());

const start = says(schemaOf(), recordOf({ id: 1, name: "a" }), stateOf({ bookmarks: { orders: 1 } }));

Deno.test("the records of a tap are rows, and its last STATE is kept with them", async () => {
  const tap = await bench.tap(`${start}
${says(recordOf({ id: 2, name: null }), stateOf({ bookmarks: { orders: 2 } }))}`);
  const { rows, types, state } = await bench.read(tap);
  deepEqual(rows.map(({ id, name }) => [Number(id), name]), [[1, "a"], [2, null]]);
  deepEqual(types, { id: "BIGINT", name: "VARCHAR" });
  deepEqual(state, { state: { bookmarks: { orders: 2 } } });
});

Deno.test("a tap without a record is an empty stream with the columns of its schema", async () => {
  const { rows, types } = await bench.read(await bench.tap(says(schemaOf())));
  deepEqual([rows, types], [[], { id: "BIGINT", name: "VARCHAR" }]);
});

const BROKEN: Readonly<Record<string, readonly [body: string, code: string, message: RegExp]>> = {
  "ends with a code": [`${start}\necho boom >&2; exit 3`, "unavailable", /ended with code 3: boom$/],
  "is killed": [`${start}\nkill -9 $$`, "unavailable", /was killed by SIGKILL/],
  "prints garbage": [
    `${start}\necho hello world`,
    "invalid",
    /line 4 of its output: it is no JSON.*: hello world$/,
  ],
  "prints an unknown type": [says({ type: "RECORDS" }), "invalid", /line 1 .*"type" is "RECORDS"/],
  "prints a list": [says([1]), "invalid", /it is no JSON object: \[1\]/],
  "cuts a line": [
    `${start}\nprintf '{"type": "RECORD", "stream": "ord'`,
    "invalid",
    /line 4 .*closing quote/,
  ],
  "cuts a STATE": [`${start}\nprintf '{"type": "STATE", "value": {"a": 1}'`, "invalid", /line 4/],
  "sends a record before its schema": [
    says(recordOf({ id: 1 })),
    "invalid",
    /"orders", which has had no SCHEMA/,
  ],
  "sends a record of an unknown stream": [
    `${start}\n${says({ ...recordOf({ id: 1 }), stream: "other" })}`,
    "invalid",
    /line 4 .*"other", which has had no SCHEMA/,
  ],
  "sends a record that is a list": [`${start}\n${says(recordOf([1]))}`, "invalid", /"record" is no object/],
  "sends no record": [says(schemaOf(), { type: "RECORD", stream: "orders" }), "invalid", /has no "record"/],
  "says nothing": ["true", "invalid", /sent no SCHEMA of the stream "orders": it sent nothing/],
  "sends another stream": [says(schemaOf(undefined, "others")), "invalid", /it sent only others/],
  "repeats a key": [
    `${start}\n${says('{"type":"RECORD","stream":"orders","record":{"id":1,"id":2}}')}`,
    "invalid",
    /line 4 .*id/,
  ],
  "is no UTF-8": [
    `${start}\nprintf '{"type":"RECORD","stream":"orders","record":{"name":"\\377"}}\\n'`,
    "invalid",
    /not UTF-8/,
  ],
  "writes a line without end": [
    "head -c 100000000 /dev/zero | tr '\\0' x",
    "invalid",
    /line 1 of its output: it is longer than 64 MiB/,
  ],
  "floods its output": ["yes nonsense", "invalid", /line 1 .*nonsense$/],
};
for (const [what, [body, code, message]] of Object.entries(BROKEN)) {
  Deno.test(`a tap that ${what} fails the step`, async () => {
    const failure = await failureOf(bench.read(await bench.tap(body)));
    match(failure.message, message);
    equal(failure.code, code);
    ok(failure.message.length < 700, `${failure.message.length}`);
    ok(failure.message.startsWith('Connector "it": '), failure.message);
  });
}

const int64 = { type: "integer" };
/** Each column's schema, the values in the records as they are written, and what they are in the end. */
const TYPES: Readonly<
  Record<string, readonly [schema: unknown, values: readonly string[], type: string, texts: unknown[]]>
> = {
  "a small integer": [int64, ["1"], "BIGINT", ["1"]],
  "2^63": [int64, ["9223372036854775808", "1"], "HUGEINT", ["9223372036854775808", "1"]],
  "2^53 + 1": [int64, ["9007199254740993"], "BIGINT", ["9007199254740993"]],
  "an integer of 50 digits": [int64, [`1${"0".repeat(49)}`], "VARCHAR", [`1${"0".repeat(49)}`]],
  "a number that is whole": [{ type: "number" }, ["1"], "DOUBLE", ["1.0"]],
  "a number that no double holds": [
    { type: "number" },
    ["0.12345678901234567891"],
    "VARCHAR",
    ["0.12345678901234567891"],
  ],
  "money": [{ type: ["null", "number"], multipleOf: 0.01 }, ["1.10", "null"], "DECIMAL(38,2)", [
    "1.10",
    null,
  ]],
  "money in a text": [
    { type: "string", format: "singer.decimal", precision: 10, scale: 2 },
    ['"1.10"'],
    "DECIMAL(10,2)",
    ["1.10"],
  ],
  "a decimal of any scale": [{ type: "string", format: "singer.decimal" }, ['"1.10"'], "VARCHAR", ["1.10"]],
  "a text that looks like a date": [{ type: "string" }, ['"2024-01-01"'], "VARCHAR", ["2024-01-01"]],
  "an instant": [
    { type: ["string", "null"], format: "date-time" },
    ['"2024-01-01T00:00:00+02:00"'],
    "TIMESTAMP WITH TIME ZONE",
    ["2023-12-31 22:00:00+00"],
  ],
  "a date-time without a zone": [
    { anyOf: [{ type: "string", format: "date-time" }, { type: "null" }] },
    ['"2024-01-01T00:00:00"'],
    "TIMESTAMP",
    ["2024-01-01 00:00:00"],
  ],
  "a date-time that is none": [{ type: "string", format: "date-time" }, ['"soon"'], "VARCHAR", ["soon"]],
  "no instant yet": [{ type: "string", format: "date-time" }, ["null"], "TIMESTAMP WITH TIME ZONE", [null]],
  "a date": [{ type: "string", format: "date" }, ['"2024-02-29"'], "DATE", ["2024-02-29"]],
  "a time": [{ type: "string", format: "time" }, ['"23:59:59"'], "TIME", ["23:59:59"]],
  "a uuid": [
    { type: "string", format: "uuid" },
    ['"2b1c9a9e-7d0c-4a6e-9c50-0e7a2b9d8f11"'],
    "UUID",
    ["2b1c9a9e-7d0c-4a6e-9c50-0e7a2b9d8f11"],
  ],
  "a boolean": [{ type: "boolean" }, ["true", "null"], "BOOLEAN", ["true", null]],
  "an object": [
    { type: "object", properties: { a: int64, b: { type: "string" } } },
    ['{"a":1}'],
    "STRUCT(a BIGINT, b VARCHAR)",
    ["{'a': 1, 'b': NULL}"],
  ],
  "an object whose keys are data": [{ type: "object" }, ['{"x":9007199254740993}'], "JSON", [
    '{"x":9007199254740993}',
  ]],
  "a list": [{ type: "array", items: { type: "number" } }, ["[1,2.5]", "null"], "DOUBLE[]", [
    "[1.0, 2.5]",
    null,
  ]],
  "a list of anything": [{ type: "array" }, ['[1,"a"]'], "JSON[]", ['[1, "a"]']],
  "no list yet": [{ type: "array", items: { type: "string" } }, ["null"], "VARCHAR[]", [null]],
  "one of two kinds": [{ type: ["integer", "string"] }, ["1", '"a"'], "JSON", ["1", '"a"']],
  "anything": [{}, ["1"], "JSON", ["1"]],
  "nothing": [{ type: "null" }, ["null"], "JSON", [null]],
  "a reference": [{ $ref: "#/definitions/count" }, ["1"], "BIGINT", ["1"]],
  "a reference to itself": [{ $ref: "#/definitions/self" }, ["1"], "JSON", ["1"]],
};

Deno.test("each value is of its schema's type, and exact", async () => {
  const columns = Object.entries(TYPES);
  const properties = Object.fromEntries(columns.map(([, [schema]], at) => [`c${at}`, schema]));
  const schema = {
    type: "object",
    definitions: { count: int64, self: { $ref: "#/definitions/self" } },
    properties: { n: int64, ...properties },
  };
  const record = (row: number) =>
    `{"type":"RECORD","stream":"orders","record":{"n":${row}${
      columns.map(([, [, values]], at) => values[row] === undefined ? "" : `,"c${at}":${values[row]}`).join(
        "",
      )
    }}}`;
  const tap = await bench.tap(says(schemaOf(schema), record(0), record(1)), schema);
  const { rows, types } = await bench.read(tap, { asTexts: true });
  const found = columns.map(([what, [, values]], at) => [
    what,
    types[`c${at}`],
    rows.slice(0, values.length).map((row) => row[`c${at}`]),
  ]);
  for (const [at, [what, [, , type, texts]]] of columns.entries()) deepEqual(found[at], [what, type, texts]);
});
