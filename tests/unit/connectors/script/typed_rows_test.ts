import { deepEqual, equal, throws } from "node:assert/strict";
import {
  type DataType,
  DateDay,
  Decimal,
  Field,
  List,
  RecordBatch,
  Schema,
  TimestampMillisecond,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { emptyBatch } from "../../../../connectors/empty_batch.ts";
import { extensionOf, jsonText } from "../../../../connectors/destination/json_text.ts";
import {
  type ColumnType,
  columnTypeOf,
  fieldOf,
  parseColumnType,
} from "../../../../connectors/script/column_type.ts";
import { declaredTypes } from "../../../../connectors/script/declared_types.ts";
import { streamSchema } from "../../../../connectors/script/options.ts";
import { TypedRows } from "../../../../connectors/script/typed_rows.ts";
import { AppError } from "../../../../contract/errors.ts";
import { parse } from "valibot";

const typeOf = (written: string): ColumnType => {
  const type = parseColumnType(written);
  if (type === undefined) throw new Error(`no type ${written}`);
  return type;
};

const typed = (types: Readonly<Record<string, string>>) =>
  new TypedRows("scripts/x.ts", {
    columns: Object.entries(types).map(([name, written]) => ({ name, type: typeOf(written) })),
    others: [],
  });

/** One column as scripts' rows come: texts, doubles, 64-bit integers, booleans or moments. */
function batchOf(values: readonly unknown[], name = "v"): RecordBatch {
  const type = typeOfValues(values);
  const vector = type === undefined ? vectorFromArray(values) : vectorFromArray(values, type);
  const field = new Field(name, vector.type, true);
  const made = new RecordBatch(Object.fromEntries(vector.data.map((data) => [name, data])));
  return new RecordBatch(new Schema([field]), made.data);
}

/** As scripts' values are: undefined where Arrow's library takes the same by itself. */
function typeOfValues(values: readonly unknown[]): DataType | undefined {
  if (values.some((value) => typeof value === "string")) return new Utf8();
  return values.some((value) => value instanceof Date) ? new TimestampMillisecond("UTC") : undefined;
}

/** What is stored, each value as it is read back: JSON. */
function stored(values: readonly unknown[], written: string): string[] {
  const batch = typed({ v: written }).take(batchOf(values));
  const [field, data] = [batch.schema.fields[0], batch.data.children[0]];
  if (field === undefined || data === undefined) throw new Error("no column");
  equal(columnTypeOf(field)?.name, typeOf(written).name);
  return values.map((_, row) => jsonText(data, row, extensionOf(field)));
}

/** The type, values that it takes and what they become, and values that it refuses. */
const CASES: readonly (readonly [string, readonly unknown[], readonly string[], readonly unknown[]])[] = [
  ["DECIMAL(18,2)", ["1.5", null, "-0.05", "1.500", "007"], ["1.50", "null", "-0.05", "1.50", "7.00"], [
    "1.005",
    "abc",
    "",
    "12345678901234567.00",
    "1,5",
    " 1",
  ]],
  ["DECIMAL(18,2)", [0.1, 2, -3.25, null], ["0.10", "2.00", "-3.25", "null"], [0.001, NaN, 1e300, 1e-7]],
  ["DECIMAL(38,10)", [1e-7, 3], ["0.0000001000", "3.0000000000"], []],
  ["DECIMAL(38,0)", ["9".repeat(38), "-" + "9".repeat(38)], ["9".repeat(38), "-" + "9".repeat(38)], [
    "1" + "0".repeat(38),
  ]],
  ["DATE", [
    "2024-02-29",
    "0001-01-01",
    "infinity",
    "-infinity",
    "+12345-06-07",
    "-0044-03-15",
    "2024-01-31T00:00:00Z",
  ], [
    '"2024-02-29"',
    '"0001-01-01"',
    '"infinity"',
    '"-infinity"',
    '"+12345-06-07"',
    '"-0044-03-15"',
    '"2024-01-31"',
  ], ["2023-02-29", "2024-1-1", "31.01.2024", "2024-01-31T10:00:00", "epoch"]],
  ["DATE", [new Date("2024-01-31T00:00:00Z")], ['"2024-01-31"'], [new Date("2024-01-31T00:00:00.001Z")]],
  ["TIME", ["10:30", "10:30:00.000001", "23:59:59"], ['"10:30:00"', '"10:30:00.000001"', '"23:59:59"'], [
    "24:00:00",
    "10:30:00.0000001",
    "10:30:00Z",
  ]],
  ["TIMESTAMP", ["2024-01-31T10:30:00.000001", "2024-01-31 10:30", "2024-01-31", "infinity"], [
    '"2024-01-31T10:30:00.000001"',
    '"2024-01-31T10:30:00"',
    '"2024-01-31T00:00:00"',
    '"infinity"',
  ], ["2024-01-31T10:30:00Z", "2024-01-31T10:30:00.0000001", "2024-01-31T24:00:00"]],
  ["TIMESTAMP", [], [], [new Date(0)]],
  ["TIMESTAMP_NS", ["2024-01-31T10:30:00.000000001"], ['"2024-01-31T10:30:00.000000001"'], [
    "9999-01-01T00:00:00",
  ]],
  ["TIMESTAMP_S", ["2024-01-31T10:30:00.000"], ['"2024-01-31T10:30:00"'], ["2024-01-31T10:30:00.5"]],
  ["TIMESTAMPTZ", ["2024-01-31T10:30:00+02:00", "2024-01-31T10:30:00Z"], [
    '"2024-01-31T08:30:00Z"',
    '"2024-01-31T10:30:00Z"',
  ], ["2024-01-31T10:30:00", "2024-01-31"]],
  ["BIGINT", ["9223372036854775807", "-1", "007"], ["9223372036854775807", "-1", "7"], [
    "9223372036854775808",
    "1.5",
    "1e3",
    "x",
  ]],
  ["SMALLINT", [32767, -32768, 2.0], ["32767", "-32768", "2"], [32768, 1.5]],
  ["UTINYINT", [255n, 0n], ["255", "0"], [-1n, 256n]],
  ["HUGEINT", ["-170141183460469231731687303715884105728"], ["-170141183460469231731687303715884105728"], [
    "170141183460469231731687303715884105728",
  ]],
  ["UHUGEINT", ["340282366920938463463374607431768211455"], ["340282366920938463463374607431768211455"], [
    "-1",
  ]],
  ["DOUBLE", ["0.1", "1.10", "1e3", "-0", "0.00", "NaN", "-Infinity"], [
    "0.1",
    "1.1",
    "1000",
    "-0",
    "0",
    '"NaN"',
    '"-Infinity"',
  ], ["0.1000000000000000055511151231257827", "9007199254740993", "1e400", "", "0x10"]],
  ["DOUBLE", [9007199254740992n], ["9007199254740992"], [9007199254740993n]],
  ["FLOAT", [0.5, 0.1, NaN], ["0.5", "0.10000000149011612", '"NaN"'], [0.123456789012]],
  ["BOOLEAN", [true, false, null], ["true", "false", "null"], ["yes", "1"]],
  ["VARCHAR", [1.5, null], ['"1.5"', "null"], []],
  ["VARCHAR", ["\ufeffa", ""], ['"\ufeffa"', '""'], []],
  ["JSON", ['a"b', "1"], ['"a\\"b"', '"1"'], []],
  ["UUID", ["0F8FAD5B-D9CB-469F-A165-70867728950E"], ['"0f8fad5b-d9cb-469f-a165-70867728950e"'], [
    "0f8fad5bd9cb469fa16570867728950e",
  ]],
];

for (const [written, values, expected, refused] of CASES) {
  Deno.test(`a column of type ${written} holds ${values.length === 0 ? "no" : typeof values[0]} values exactly or not at all`, () => {
    if (values.length > 0) deepEqual(stored(values, written), expected);
    for (const value of refused) {
      throws(
        () => stored([value], written),
        (error) =>
          error instanceof AppError && error.code === "invalid" &&
          error.message.includes('row 1: column "v" is '),
      );
    }
  });
}

Deno.test("what does not fit is told with its row in the whole stream, its column and both sides", () => {
  const rows = typed({ amount: "DECIMAL(18,2)" });
  rows.take(batchOf(["1", "2"], "amount"));
  throws(() => rows.take(batchOf(["3", "abc"], "Amount")), {
    message: 'scripts/x.ts: row 4: column "Amount" is "abc", expected DECIMAL(18,2)',
  });
});

Deno.test("a declared column that the script does not yield is NULL, and known without a row", () => {
  const rows = typed({ v: "DATE", amount: "DECIMAL(18,2)" });
  const batch = rows.take(batchOf(["2024-01-31", null]));
  deepEqual(batch.schema.fields.map(({ name, type }) => `${name} ${type}`), [
    `v ${new DateDay()}`,
    `amount ${new Decimal(2, 18, 128)}`,
  ]);
  equal(batch.getChildAt(1)?.nullCount, 2);
  deepEqual(rows.known.schema?.fields.map(({ name }) => name), ["v", "amount"]);
  equal(rows.take(emptyBatch(batchOf(["x"]).schema)).numRows, 0);
});

Deno.test("declaredTypes() takes those of inputs, and refuses one of which inputs have several", async () => {
  const request = (keys: object) => ({
    address: parse(streamSchema, { script: "scripts/x.ts", input: ["a", "b"], ...keys }),
  });
  const schema = (types: Readonly<Record<string, string>>) =>
    new Schema(Object.entries(types).map(([name, written]) => fieldOf(name, typeOf(written))));
  const list = new Field("tags", new List(new Field("item", new Utf8())));
  const inputSchemas = () =>
    Promise.resolve([
      new Schema([...schema({ id: "INTEGER", day: "DATE" }).fields, list]),
      schema({ ID: "BIGINT", amount: "DECIMAL(5,1)" }),
    ]);
  const declared = await declaredTypes({ ...request({ types: "input" }), inputSchemas });
  deepEqual(declared.others.map(({ name, type }) => [name, type?.name]), [
    ["id", undefined],
    ["day", "DATE"],
    ["amount", "DECIMAL(5,1)"],
  ]);
  const rows = new TypedRows("scripts/x.ts", declared);
  equal(String(rows.take(batchOf(["2.5"], "amount")).schema.fields[0]?.type), String(new Decimal(1, 5, 128)));
  throws(() => rows.take(batchOf([1], "id")), /column "id" has several types in the script's inputs/);
  const some = await declaredTypes({ ...request({ types: { Day: "input", id: "BIGINT" } }), inputSchemas });
  deepEqual(some.columns.map(({ name, type }) => `${name} ${type.name}`), ["Day DATE", "id BIGINT"]);
  for (
    const [name, message] of [["id", /its inputs have several/], [
      "tags",
      /no such column of a single value/,
    ]] as const
  ) {
    const failed = await declaredTypes({ ...request({ types: { [name]: "input" } }), inputSchemas }).catch(
      String,
    );
    equal(message.test(String(failed)), true, String(failed));
  }
});

Deno.test("types of a stream are types of single values, and those of an input want one", () => {
  const parsed = (keys: object) => parse(streamSchema, { script: "scripts/x.ts", ...keys });
  equal(parsed({ types: { a: "numeric(5)", b: "timestamp with time zone" } }).types.columns.length, 2);
  for (
    const types of [{ a: "DECIMAL(39,1)" }, { a: "INTEGER[]" }, { a: "money" }, { a: "__proto__" }, "inputs"]
  ) {
    throws(() => parsed({ types }), /expected/);
  }
  throws(() => parsed({ types: "input" }), /of no use without one/);
  throws(() => parsed({ types: { a: "input" } }), /of no use without one/);
});
