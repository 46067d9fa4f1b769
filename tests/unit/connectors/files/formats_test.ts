import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import {
  Dictionary,
  Field,
  Int32,
  List,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  Struct,
  Table,
  tableFromArrays,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { AppError } from "../../../../contract/errors.ts";
import { globExpression } from "../../../../connectors/locations/pattern.ts";
import { kindOfName } from "../../../../connectors/files/kind.ts";
import { take } from "../../../../connectors/files/arrow/arrow_filter.ts";
import { decodeLz4Frame } from "../../../../connectors/files/arrow/lz4.ts";
import { FileBench } from "./file_bench.ts";

Deno.test("a key that comes late in an NDJSON file is a column, and no row is lost", async () => {
  await using bench = await FileBench.create();
  const rows = Array.from({ length: 30_000 }, (_, i) => `{"id":${i}}`);
  await bench.write("a.ndjson", `${rows.join("\n")}\n{"id":-1,"late":"x"}\n`);
  const { types, rows: [counts] } = await bench.read("a.ndjson", {}, "SELECT count(*), count(late) FROM t");
  deepStrictEqual([types, counts], [["id BIGINT", "late VARCHAR"], [30_001, 1]]);
});

Deno.test("integers of both signs are BIGINT where all of them fit, in every file", async () => {
  await using bench = await FileBench.create();
  await bench.write(
    "in/1.ndjson",
    '{"id":1,"n":{"a":-1},"ratio":1.0,"huge":-1,"text":-1}\n{"id":-9223372036854700032}',
  );
  await bench.write("in/2.ndjson", '{"id":-3,"ratio":-2,"huge":9223372036854775808,"text":"x"}\n');
  const { types } = await bench.read("in/*.ndjson");
  deepStrictEqual(types, ["id BIGINT", "n STRUCT(a BIGINT)", "ratio DOUBLE", "huge HUGEINT", "text JSON"]);
  await bench.write("a.json", '[{"id": 1}, {"id": -1}]');
  deepStrictEqual((await bench.read("a.json")).types, ["id BIGINT"]);
});

Deno.test("objects of many different keys become columns, not one map", async () => {
  await using bench = await FileBench.create();
  await bench.write(
    "a.json",
    `[${Array.from({ length: 300 }, (_, i) => `{"id":1,"k${i}":${i}}`).join(",")}]`,
  );
  strictEqual((await bench.read("a.json")).types.length, 301);
});

Deno.test("broken JSON is refused with its line", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.ndjson", '{"id":1}\n{"id":2,,}\n{"id":3}\n');
  ok((await bench.failure("invalid", bench.read("a.ndjson"))).startsWith('Cannot read "a.ndjson" line 2: '));
  const many = Array.from({ length: 30_000 }, (_, i) => `{"id":${i}}`).join("\n");
  await bench.write("late.ndjson.gz", gzipSync(`${many}\n{"id":5,"x\n`));
  ok(
    (await bench.failure("invalid", bench.read("late.ndjson.gz"))).startsWith(
      'Cannot read "late.ndjson.gz" line 30001: ',
    ),
  );
  await bench.write("cut.json", '[{"id":1},{"id":2');
  await bench.failure("invalid", bench.read("cut.json"));
  await bench.write("empty.json", "");
  ok((await bench.failure("invalid", bench.read("empty.json"))).includes("it is empty (0 bytes)"));
});

Deno.test("a JSON column is cast where options.columns says so, and refused where a value does not fit", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.ndjson", '{"id":1,"v":"1.50"}\n{"id":2,"v":"x"}\n');
  ok(
    (await bench.failure("invalid", bench.read("a.ndjson", { columns: { v: "DOUBLE" } }))).includes(
      'Cannot read "a.ndjson" line 2: column "v" is "x", expected DOUBLE',
    ),
  );
  deepStrictEqual((await bench.read("a.ndjson", { columns: { id: "VARCHAR" } })).types, [
    "id VARCHAR",
    "v VARCHAR",
  ]);
});

Deno.test("what is no Parquet, or is cut short, is refused", async () => {
  await using bench = await FileBench.create();
  await bench.load("a.parquet", "(1, 'a'), (2, 'b')");
  const bytes = await Deno.readFile(`${bench.folder}/a.parquet`);
  await bench.write("cut.parquet", bytes.subarray(0, bytes.length >> 1));
  await bench.write("text.parquet", "just some text, and enough of it");
  ok((await bench.failure("invalid", bench.read("cut.parquet"))).includes("the Parquet file is cut short"));
  ok((await bench.failure("invalid", bench.read("text.parquet"))).includes("it is not a Parquet file"));
  deepStrictEqual((await bench.read("a.parquet", { filename: true })).rows, [[1, "a", "a.parquet"], [
    2,
    "b",
    "a.parquet",
  ]]);
});

async function readArrowFile(bench: FileBench, path: string): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const batch of bench.readArrow(path)) {
    rows.push(...batch.toArray().map((row) => ({ ...row })));
  }
  return rows;
}

Deno.test("Arrow files and streams are read, also gzipped and over several files", async () => {
  await using bench = await FileBench.create();
  const table = tableFromArrays({ id: Int32Array.of(1, 2), name: ["a", "ü"] });
  const rows = [{ id: 1, name: "a" }, { id: 2, name: "ü" }];
  await bench.write("in/a.arrow", RecordBatchFileWriter.writeAll(table).toUint8Array(true));
  await bench.write("in/b.arrows", RecordBatchStreamWriter.writeAll(table).toUint8Array(true));
  await bench.write("gz/a.arrow.gz", gzipSync(RecordBatchFileWriter.writeAll(table).toUint8Array(true)));
  await bench.write("gz/b.arrows.gz", gzipSync(RecordBatchStreamWriter.writeAll(table).toUint8Array(true)));
  for (const path of ["in/a.arrow", "in/b.arrows", "gz/a.arrow.gz", "gz/b.arrows.gz"]) {
    deepStrictEqual(await readArrowFile(bench, path), rows, path);
  }
  deepStrictEqual(await readArrowFile(bench, "*/*"), [...rows, ...rows, ...rows, ...rows]);
});

Deno.test("Arrow that is cut short anywhere is refused", async () => {
  await using bench = await FileBench.create();
  const table = tableFromArrays({ id: Int32Array.from({ length: 1_000 }, (_, i) => i) });
  for (
    const [name, bytes] of [
      ["a.arrow", RecordBatchFileWriter.writeAll(table).toUint8Array(true)],
      ["a.arrows", RecordBatchStreamWriter.writeAll(table).toUint8Array(true)],
    ] as const
  ) {
    for (const keep of [0, 5, 100, bytes.length >> 1, bytes.length - 8, bytes.length - 1]) {
      await bench.write(name, bytes.subarray(0, keep));
      await rejects(
        readArrowFile(bench, name),
        (error) => error instanceof AppError && error.code === "invalid",
        `${name} ${keep}`,
      );
    }
  }
  await bench.write("b.arrow", "this is not Arrow at all");
  await bench.failure("invalid", readArrowFile(bench, "b.arrow"));
});

Deno.test("Arrow files with other columns than the first are refused", async () => {
  await using bench = await FileBench.create();
  await bench.write(
    "1.arrow",
    RecordBatchFileWriter.writeAll(tableFromArrays({ id: Int32Array.of(1) })).toUint8Array(true),
  );
  await bench.write(
    "2.arrow",
    RecordBatchFileWriter.writeAll(tableFromArrays({ id: ["x"] })).toUint8Array(true),
  );
  ok((await bench.failure("invalid", readArrowFile(bench, "*.arrow"))).includes('"2.arrow"'));
});

Deno.test("Arrow columns that differ in case are one over several files, and an error within one", async () => {
  await using bench = await FileBench.create();
  const write = async (name: string, columns: Record<string, Int32Array>) =>
    await bench.write(name, RecordBatchFileWriter.writeAll(tableFromArrays(columns)).toUint8Array(true));
  await write("in/1.arrow", { Id: Int32Array.of(1), v: Int32Array.of(1) });
  await write("in/2.arrow", { id: Int32Array.of(2), V: Int32Array.of(2) });
  deepStrictEqual(await readArrowFile(bench, "in/*.arrow"), [{ Id: 1, v: 1 }, { Id: 2, v: 2 }]);
  await write("twice.arrow", { Id: Int32Array.of(1), id: Int32Array.of(2) });
  ok((await bench.failure("invalid", readArrowFile(bench, "twice.arrow"))).includes("is there twice"));
});

Deno.test("take() picks rows of every kind of column", () => {
  const list = new List(new Field("item", new Int32(), true));
  const vectors = {
    text: vectorFromArray(["a", null, "ccc", ""], new Utf8()),
    flag: vectorFromArray([true, false, null, true]),
    list: vectorFromArray([[1], [], null, [2, null, 3]], list),
    enumerated: vectorFromArray(["x", "y", null, "x"], new Dictionary(new Utf8(), new Int32())),
    struct: vectorFromArray(
      [{ a: 1 }, { a: 2 }, null, { a: null }],
      new Struct([new Field("a", new Int32(), true)]),
    ),
  };
  for (const [name, vector] of Object.entries(vectors)) {
    const [data] = vector.data;
    ok(data !== undefined);
    const taken = new Table({ v: vectorOf(take(data, [3, 1, 2])) }).getChild("v");
    const show = (value: unknown) => JSON.stringify(value);
    deepStrictEqual(
      [0, 1, 2].map((i) => show(taken?.get(i))),
      [3, 1, 2].map((i) => show(vector.get(i))),
      name,
    );
  }
});

function vectorOf(data: ReturnType<typeof take>) {
  return new Table({ v: data }).getChildAt(0) ?? vectorFromArray([]);
}

Deno.test("decodeLz4Frame() reads literals, matches that overlap, and blocks that are not compressed", () => {
  const frame = (...blocks: number[][]) =>
    Uint8Array.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, ...blocks.flat(), 0, 0, 0, 0]);
  // Token 0x17: one literal "a", then a match of 7 + 4 bytes one byte back; then five literals.
  const compressed = [0x17, 0x61, 1, 0, 0x50, 0x62, 0x63, 0x64, 0x65, 0x66];
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  strictEqual(
    text(decodeLz4Frame(frame([compressed.length, 0, 0, 0, ...compressed]))),
    `${"a".repeat(12)}bcdef`,
  );
  strictEqual(text(decodeLz4Frame(frame([2, 0, 0, 0x80, 0x68, 0x69]))), "hi");
  // 15 + 255 + 5 literals.
  const long = [0xf0, 255, 5, ...new Array(275).fill(0x7a)];
  strictEqual(
    text(decodeLz4Frame(frame([long.length & 255, long.length >> 8, 0, 0, ...long]))),
    "z".repeat(275),
  );
});

Deno.test("kindOfName() goes by the endings", () => {
  deepStrictEqual(kindOfName("a.b/x.csv.GZ"), { format: "csv", compression: "gzip" });
  deepStrictEqual(kindOfName("x.2024.jsonl.zst"), { format: "ndjson", compression: "zstd" });
  deepStrictEqual(kindOfName("x.txt"), { format: undefined, compression: "none" });
  deepStrictEqual(kindOfName("csv"), { format: undefined, compression: "none" });
});

Deno.test("globExpression() matches as DuckDB's globs do", () => {
  const matches = (glob: string, path: string) => globExpression(glob).test(path);
  ok(matches("*.csv", "a.csv") && !matches("*.csv", "b/a.csv") && !matches("*.csv", "axcsv"));
  ok(matches("**/*.csv", "a.csv") && matches("**/*.csv", "x/y/a.csv"));
  ok(
    matches("d/**", "d/x/y.csv") && matches("day=?/[ab].csv", "day=1/b.csv") && !matches("[!a].csv", "a.csv"),
  );
  ok(matches("we(i)r{d}+$.csv", "we(i)r{d}+$.csv"));
});
