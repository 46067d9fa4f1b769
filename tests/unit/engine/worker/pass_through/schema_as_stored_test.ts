import { deepEqual, equal } from "node:assert/strict";
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  Field,
  FixedSizeBinary,
  Float16,
  Float64,
  Int32,
  Int64,
  IntervalMonthDayNano,
  LargeUtf8,
  List,
  Null,
  Schema,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  TimestampMicrosecond,
  TimestampNanosecond,
  Utf8,
} from "apache-arrow";
import { EXTENSION_NAME_KEY, JSON_EXTENSION, UUID_EXTENSION } from "../../../../../contract/arrow.ts";
import {
  columnsOfOtherTypes,
  isSameSchema,
  schemaAsGiven,
  schemaAsStored,
} from "../../../../../engine/worker/pass_through/schema_as_stored.ts";

const fieldOf = (type: DataType, extension?: string, isNullable = true): Field =>
  new Field(
    "c",
    type,
    isNullable,
    extension === undefined ? new Map() : new Map([[EXTENSION_NAME_KEY, extension]]),
  );

const isKept = (field: Field): boolean => schemaAsStored(new Schema([field])) !== undefined;

Deno.test("schemaAsStored() keeps the types that DuckDB gives back as they came", () => {
  const kept: Field[] = [
    new Bool(),
    new Int32(),
    new Int64(),
    new Float64(),
    new Decimal(2, 38, 128),
    new Utf8(),
    new Binary(),
    new DateDay(),
    new TimeMicrosecond(),
    new TimestampMicrosecond(),
    new TimestampNanosecond(),
    new TimestampMicrosecond("UTC"),
    new List(new Field("item", new Int32(), true)),
    new Struct([new Field("a", new Utf8(), true)]),
  ].map((type) => fieldOf(type));
  const fields = [
    ...kept,
    fieldOf(new Utf8(), JSON_EXTENSION),
    fieldOf(new FixedSizeBinary(16), UUID_EXTENSION),
    fieldOf(new Int32(), undefined, false),
  ];
  deepEqual(fields.filter((field) => !isKept(field)).map(String), []);
});

Deno.test("schemaAsStored() is undefined where DuckDB stores another type or another value", () => {
  const fields = [
    new Null(),
    new LargeUtf8(),
    new Float16(),
    new DateMillisecond(),
    new TimeMillisecond(),
    new TimestampMicrosecond("Europe/Paris"),
    new TimestampNanosecond("UTC"),
    new Decimal(2, 38, 256),
    new FixedSizeBinary(16),
    new Dictionary(new Utf8(), new Int32()),
    new IntervalMonthDayNano(),
    new List(new Field("item", new IntervalMonthDayNano(), true)),
    new Struct([new Field("a", new LargeUtf8(), true)]),
  ].map((type) => fieldOf(type));
  deepEqual(fields.filter(isKept).map(String), []);
});

Deno.test("isSameSchema() tells names, types, their order and extensions apart, not nullability", () => {
  const schema = (...fields: Field[]) => new Schema(fields);
  const a = new Field("a", new Int32(), true);
  const b = new Field("b", new Utf8(), true);
  equal(isSameSchema(schema(a, b), schema(new Field("a", new Int32(), false), b)), true);
  equal(isSameSchema(schema(a, b), schema(b, a)), false);
  equal(isSameSchema(schema(a, b), schema(a)), false);
  equal(isSameSchema(schema(a), schema(new Field("a", new Int64(), true))), false);
  equal(isSameSchema(schema(fieldOf(new Utf8())), schema(fieldOf(new Utf8(), JSON_EXTENSION))), false);
});

Deno.test("what goes straight to a destination has the types that a table would give, intervals with all their digits", () => {
  const fields = [
    new Field("span", new IntervalMonthDayNano(), true),
    new Field("half", new Float16(), true),
    new Field("id", new Int32(), false),
    new Field("word", new Dictionary(new Utf8(), new Int32()), true),
  ];
  deepEqual(columnsOfOtherTypes(new Schema(fields)), ["half", "word"]);
  equal(schemaAsGiven(new Schema(fields)), undefined);
  const given = schemaAsGiven(new Schema([fields[0], fields[2]].filter((field) => field !== undefined)));
  deepEqual(given?.fields.map(({ name, type }) => `${name} ${type}`), [
    "span Interval<MONTH_DAY_NANO>",
    "id Int32",
  ]);
});
