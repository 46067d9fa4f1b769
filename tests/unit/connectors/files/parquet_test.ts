import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import { FileBench } from "./file_bench.ts";

/** What DuckDB does not write; by pyarrow. */
const FILES = {
  /** A BIGINT 1 as id, and 123.45 as DECIMAL(40,2). */
  wide: "UEFSMRUAFRwVHCwVAhUAFQYVBhwAAAACAAAAAgEBAAAAAAAAABUAFS4VLiwVAhUAFQYVBhwAAAACAAAAAgEAAAAAAA" +
    "AAAAAAAAAAAAAwORUEGTw1ABgGc2NoZW1hFQQAFQQlAhgCaWQAFQ4VIhUCGAFkJQoVBBVQLFwVBBVQAAAAFgIZHBks" +
    "JgAcFQQZJQYAGRgCaWQVABYCFkIWQiYISRwVABUAFQIAPCkGGSYAAgAAACYAHBUOGSUGABkYAWQVABYCFlQWVCZKSR" +
    "wVABUAFQIAPCkGGSYAAgAAABaWARYCJggWlgEAKCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9uIDI2LjAuMRksHAAA" +
    "HAAAAMMAAABQQVIx",
  /** 2024-01-02 10:00:00.123456789 as INT96. */
  int96: "UEFSMRUAFSQVJCwVAhUAFQYVBhwAAAACAAAAAgEVDZLuvSAAAJiKJQAVBBksNQAYBnNjaGVtYRUCABUGJQIYAnRzAB" +
    "YCGRwZHCYAHBUGGSUGABkYAnRzFQAWAhZKFkomCEkcFQAVABUCADwpBhkmAAIAAAAWShYCJggWSgAoIHBhcnF1ZXQt" +
    "Y3BwLWFycm93IHZlcnNpb24gMjYuMC4xGRwcAAAAfAAAAFBBUjE=",
  /** 2024-01-02 10:00:00.123456 as INT96, with the mark that Spark leaves. */
  spark: "UEFSMRUAFSQVJCwVAhUAFQYVBhwAAAACAAAAAgEACpLuvSAAAJiKJQAVBBksNQAYBnNjaGVtYRUCABUGJQIYAnRzAB" +
    "YCGRwZHCYAHBUGGSUGABkYAnRzFQAWAhZKFkomCEkcFQAVABUCADwpBhkmAAIAAAAWShYCJggWSgAZHBgYb3JnLmFw" +
    "YWNoZS5zcGFyay52ZXJzaW9uGAUzLjUuMAAYIHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24gMjYuMC4xGRwcAAAAoA" +
    "AAAFBBUjE=",
  /** 10:00:00.123456789. */
  time: "UEFSMRUAFRwVHCwVAhUAFQYVBhwAAAACAAAAAgEVDZLuvSAAABUEGSw1ABgGc2NoZW1hFQIAFQQlAhgBdGx8Ehw8AA" +
    "AAAAAWAhkcGRwmABwVBBklBgAZGAF0FQAWAhZCFkImCEkcFQAVABUCADwpBhkmAAIAAAAWQhYCJggWQgAoIHBhcnF1" +
    "ZXQtY3BwLWFycm93IHZlcnNpb24gMjYuMC4xGRwcAAAAgwAAAFBBUjE=",
  /** 1 as Id and 2 as id. */
  case: "UEFSMRUAFRwVHCwVAhUAFQYVBhwAAAACAAAAAgEBAAAAAAAAABUAFRwVHCwVAhUAFQYVBhwAAAACAAAAAgECAAAAAA" +
    "AAABUEGTw1ABgGc2NoZW1hFQQAFQQlAhgCSWQAFQQlAhgCaWQAFgIZHBksJgAcFQQZJQYAGRgCSWQVABYCFkIWQiYI" +
    "SRwVABUAFQIAPCkGGSYAAgAAACYAHBUEGSUGABkYAmlkFQAWAhZCFkImSkkcFQAVABUCADwpBhkmAAIAAAAWhAEWAi" +
    "YIFoQBACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZLBwAABwAAAC1AAAAUEFSMQ==",
} as const;

async function writeParquet(bench: FileBench, name: string, select: string): Promise<void> {
  await bench.write(name, "");
  await Deno.remove(`${bench.folder}/${name}`);
  await using database = await openDatabase({
    path: ":memory:",
    allowedDirectories: [bench.folder],
    threads: 1,
  });
  await using session = await database.session();
  await session.run(`COPY (${select}) TO '${bench.folder}/${name}' (FORMAT parquet)`);
}

const ALL_TEXT = "SELECT COLUMNS(*)::VARCHAR FROM t";

Deno.test("options.columns on Parquet is exact, or refused with file, row and column", async () => {
  await using bench = await FileBench.create();
  const right: [string, string, string][] = [
    ["1.50::DOUBLE", "DECIMAL(18,2)", "1.50"],
    ["2.0::DOUBLE", "BIGINT", "2"],
    ["7", "DOUBLE", "7.0"],
    ["TIMESTAMP '2024-01-02 00:00:00'", "DATE", "2024-01-02"],
    ["'1.50'", "DECIMAL(18,2)", "1.50"],
    ["'007'", "BIGINT", "7"],
    ["1.005::DOUBLE", "VARCHAR", "1.005"],
    ["[1, 2]", "TINYINT[]", "[1, 2]"],
    ["{'a': 1}", "STRUCT(a SMALLINT)", "{'a': 1}"],
    ["NULL::DOUBLE", "BIGINT", "NULL"],
  ];
  for (const [value, type, shown] of right) {
    await writeParquet(bench, "a.parquet", `SELECT ${value} AS v`);
    const { types, rows } = await bench.read("a.parquet", { columns: { V: type } }, ALL_TEXT);
    deepStrictEqual([types, rows], [[`v ${type}`], [[shown === "NULL" ? null : shown]]]);
  }
  const wrong: [string, string][] = [
    ["1.5::DOUBLE", "BIGINT"],
    ["1.005::DOUBLE", "DECIMAL(18,2)"],
    ["1.005::DECIMAL(18,3)", "DECIMAL(18,2)"],
    ["'1.005'", "DECIMAL(18,2)"],
    ["9007199254740993", "DOUBLE"],
    ["300", "TINYINT"],
    ["TIMESTAMP '2024-01-02 10:00:00'", "DATE"],
    ["0.1::DOUBLE", "FLOAT"],
    ["[1.5::DOUBLE]", "BIGINT[]"],
    ["{'a': 1.5::DOUBLE}", "STRUCT(a BIGINT)"],
  ];
  for (const [value, type] of wrong) {
    await writeParquet(bench, "a.parquet", `SELECT NULL AS v UNION ALL SELECT ${value}`);
    const message = await bench.failure("invalid", bench.read("a.parquet", { columns: { v: type } }));
    ok(/^Cannot read "a.parquet" row 2: column "v" is .*, expected /.test(message), message);
  }
  const missing = await bench.failure("invalid", bench.read("a.parquet", { columns: { w: "DATE" } }));
  strictEqual(missing, 'Cannot use options.columns: there is no column "w"; the columns are v');
});

Deno.test("Parquet types that DuckDB would cut are refused, where one is read at all", async () => {
  await using bench = await FileBench.create();
  for (const [name, text] of Object.entries(FILES)) {
    await bench.write(`${name}.parquet`, Uint8Array.fromBase64(text));
  }
  const message = await bench.failure("invalid", bench.read("wide.parquet"));
  ok(
    message.startsWith('Cannot read "wide.parquet" row 1: column "d" is a decimal of more than 38'),
    message,
  );
  ok((await bench.failure("invalid", bench.read("int96.parquet"))).includes("INT96"));
  ok((await bench.failure("invalid", bench.read("int96.parquet", { columns: { ts: "TIMESTAMP_NS" } })))
    .includes("INT96"));
  ok((await bench.failure("invalid", bench.read("time.parquet"))).includes("nanoseconds"));
  deepStrictEqual(
    [
      (await bench.read("int96.parquet", { columns: { ts: "TIMESTAMP" } }, ALL_TEXT)).rows,
      (await bench.read("spark.parquet", {}, ALL_TEXT)).rows,
      (await bench.read("time.parquet", { columns: { t: "TIME" } }, ALL_TEXT)).rows,
    ],
    [[["2024-01-02 10:00:00.123456"]], [["2024-01-02 10:00:00.123456"]], [["10:00:00.123456"]]],
  );
  const twice = await bench.failure("invalid", bench.read("case.parquet"));
  ok(twice.includes('the column "id" is there twice, the other time as "Id"'), twice);
});

Deno.test("Parquet files whose types differ keep each value, or are refused", async () => {
  await using bench = await FileBench.create();
  const read = async (one: string, other: string, options: Record<string, unknown> = {}) => {
    await writeParquet(bench, "in/1.parquet", `SELECT ${one} AS Val, 1 AS a`);
    await writeParquet(bench, "in/2.parquet", `SELECT ${other} AS vaL, 'x' AS b`);
    return await bench.read(
      "in/*.parquet",
      options,
      "SELECT Val::VARCHAR, a, b, typeof(Val) FROM t ORDER BY a",
    );
  };
  const kept: [string, string, [string, string, string]][] = [
    ["7::BIGINT", "0.5::DOUBLE", ["7.0", "0.5", "DOUBLE"]],
    ["16777217::INTEGER", "0.5::FLOAT", ["16777217.0", "0.5", "DOUBLE"]],
    ["0.5::DOUBLE", "12.34::DECIMAL(18,2)", ["0.5", "12.34", "DOUBLE"]],
    ["1.5::FLOAT", "0.1::DOUBLE", ["1.5", "0.1", "DOUBLE"]],
    ["18446744073709551615::UBIGINT", "-1::BIGINT", ["18446744073709551615", "-1", "HUGEINT"]],
    ["DATE '2024-01-02'", "TIMESTAMP '2024-01-02 10:00:00'", [
      "2024-01-02 00:00:00",
      "2024-01-02 10:00:00",
      "TIMESTAMP",
    ]],
    ["'007'", "7", ["007", "7", "VARCHAR"]],
  ];
  for (const [one, other, [first, second, type]] of kept) {
    deepStrictEqual((await read(one, other)).rows, [[first, 1, null, type], [second, null, "x", type]]);
  }
  const refused: [string, string][] = [
    ["9007199254740993::BIGINT", "0.5::DOUBLE"],
    ["0.5::DOUBLE", "12345678901234567.89::DECIMAL(19,2)"],
    ["0.5::FLOAT", "9007199254740993::BIGINT"],
    ["true", "2"],
    ["TIMESTAMP '2024-01-02 10:00:00'", "TIMESTAMPTZ '2024-01-02 10:00:00+00'"],
    ["{'a': 9007199254740993}", "{'a': 0.5::DOUBLE}"],
  ];
  for (const [one, other] of refused) await bench.failure("invalid", read(one, other));
  const differ = await bench.failure("invalid", read("1::BIGINT", "0.5::DOUBLE", { union_by_name: false }));
  ok(differ.includes("union_by_name: true"), differ);
});

Deno.test("folders and file names are columns beside those of Parquet files", async () => {
  await using bench = await FileBench.create();
  await writeParquet(bench, "p/day=2024-01-02/a.parquet", "SELECT 1.0::DOUBLE AS id");
  const { types, rows } = await bench.read(
    "p/*/*.parquet",
    { filename: true, columns: { id: "BIGINT" } },
    ALL_TEXT,
  );
  deepStrictEqual(types, ["id BIGINT", "day DATE", "filename VARCHAR"]);
  deepStrictEqual(rows, [["1", "2024-01-02", "p/day=2024-01-02/a.parquet"]]);
  await writeParquet(bench, "q/day=2024-01-02/a.parquet", "SELECT 7 AS Day");
  deepStrictEqual((await bench.read("q/*/*.parquet")).rows, [[7]]);
  ok((await bench.failure("invalid", bench.read("q/*/*.parquet", { hive_partitioning: true })))
    .includes("hive_partitioning: false"));
});

Deno.test("options that Arrow files cannot follow are refused", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.arrow", "");
  for (const options of [{ columns: { id: "BIGINT" } }, { filename: true }, { hive_partitioning: true }]) {
    const message = await bench.failure("invalid", bench.read("a.arrow", options));
    ok(message.includes("does not work on Arrow files"), message);
  }
});
