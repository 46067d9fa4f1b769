import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { FileBench } from "./file_bench.ts";

/** A header, so many rows of `row(i)`, and a last line. */
function lines(count: number, row: (i: number) => string, last: string): string {
  return `id,name\n${Array.from({ length: count }, (_, i) => row(i)).join("\n")}\n${last}\n`;
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

Deno.test("types are the narrowest that hold every value exactly", async () => {
  await using bench = await FileBench.create();
  await bench.write(
    "a.csv",
    "zip,id,huge,price,eu,day,ts,tz,nanos,flag,time,mixed,none\n" +
      "00123,9223372036854775807,12345678901234567890,1.10,01/02/2024,2024-02-29,2024-01-02T03:04:05," +
      "2024-01-02T03:04:05Z,2024-01-02 03:04:05.123456789,true,10:11:12,1,\n" +
      "1,-1,1,1e3,x,2024-01-01,2024-01-02,2024-01-02 03:04:05+02,2024-01-02,FALSE,10:11:12.5,x,\n",
  );
  const { types, rows } = await bench.read("a.csv");
  deepStrictEqual(types, [
    "zip VARCHAR",
    "id BIGINT",
    "huge HUGEINT",
    "price DOUBLE",
    "eu VARCHAR",
    "day DATE",
    "ts TIMESTAMP",
    "tz TIMESTAMP WITH TIME ZONE",
    "nanos TIMESTAMP_NS",
    "flag BOOLEAN",
    "time TIME",
    "mixed VARCHAR",
    "none VARCHAR",
  ]);
  strictEqual(rows[0]?.[0], "00123");
  strictEqual(rows[1]?.[7], "2024-01-02 01:04:05+00");
});

Deno.test("an empty value is NULL and a quoted one is a text", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", 'id,name\n1,""\n2,\n,NA\n');
  deepStrictEqual((await bench.read("a.csv")).rows, [[1, ""], [2, null], [null, "NA"]]);
  deepStrictEqual((await bench.read("a.csv", { null: ["", "NA"], quoted_null: true })).rows, [[1, null], [
    2,
    null,
  ], [
    null,
    null,
  ]]);
});

for (
  const [what, row, last, type] of [
    ["a word", (i: number) => `${i},n`, "abc,n", "BIGINT"],
    ["a fraction, which DuckDB would round", (i: number) => `${i},n`, "1.5,n", "BIGINT"],
    ["leading zeros, which DuckDB would drop", (i: number) => `${i},n`, "007,n", "BIGINT"],
    [
      "a date that is not, which DuckDB makes NULL",
      () => "2024-01-01T00:00:00Z,n",
      "2024-02-30T00:00:00Z,n",
      "TIMESTAMPTZ",
    ],
    [
      "an offset, which DuckDB would drop",
      () => "2024-01-01 00:00:00,n",
      "2024-01-01 00:00:00+02,n",
      "TIMESTAMP",
    ],
    ["a time, which DuckDB would drop", () => "2024-01-01,n", "2024-01-01 10:00:00,n", "DATE"],
  ] as const
) {
  Deno.test(`a ${type} column with ${what}, behind the rows of the sample, is refused with its line`, async () => {
    await using bench = await FileBench.create();
    await bench.write("a.csv", lines(70_000, row, last));
    const value = last.split(",")[0];
    strictEqual(
      await bench.failure("invalid", bench.read("a.csv")),
      `Cannot read "a.csv" line 70002: column "id" is "${value}", expected ${type} as in the rows before; ` +
        "correct the file, or set options.columns: {id: VARCHAR}",
    );
    strictEqual(
      (await bench.read("a.csv", { columns: { id: "VARCHAR" } }, "SELECT max(id) FROM t")).rows.length,
      1,
    );
  });
}

Deno.test("a wrong type at row 500,000 is named with file, line, column and value", async () => {
  await using bench = await FileBench.create();
  await bench.write("big.csv.gz", gzipSync(lines(499_999, (i) => `${i},"a\nb"`, "abc,n"), { level: 1 }));
  const message = await bench.failure("invalid", bench.read("big.csv.gz"));
  // Each of the rows before takes two lines.
  ok(message.startsWith('Cannot read "big.csv.gz" line 1000000: column "id" is "abc"'), message);
});

Deno.test("a decimal type that is asked for does not round", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", "v\n1.005\n-0.1\n1.500\n");
  ok(
    (await bench.failure("invalid", bench.read("a.csv", { columns: { v: "DECIMAL(18,2)" } }))).includes(
      'line 2: column "v" is "1.005"',
    ),
  );
  deepStrictEqual((await bench.read("a.csv", { columns: { v: "DECIMAL(18,3)" } })).rows, [["1.005"], [
    "-0.100",
  ], ["1.500"]]);
});

for (
  const [what, text, message] of [
    ["a short row", "id,name,v\n1,a,2\n2,b\n", "line 3: it has 2 values, expected 3"],
    ["a long row", "id,name\n1,a\n2,b,3\n", "line 3: it has 3 values, expected 2"],
    ["a quote without an end", 'id,name\n1,a\n2,"bcd\n3,c\n', "line 3: a quoted value has no closing quote"],
    ["text behind a quote", 'id,name\n1,"a"b\n', "line 2: there is text after a closing quote"],
    [
      "a short row behind the sample",
      lines(70_000, (i) => `${i},n`, "5"),
      "line 70002: it has 1 value, expected 2",
    ],
    [
      "a quote without an end behind the sample",
      lines(70_000, (i) => `${i},n`, '5,"x'),
      "line 70002: a quoted value",
    ],
    ["a column twice", "id,name,ID\n1,2,3\n", 'line 1: the column "ID" is there twice'],
    ["another delimiter", "id;name\n1;2\n", 'it has no "," but ";"; set options.delimiter: ";"'],
    ["nothing in it", "", "it is empty (0 bytes); expected a line of column names"],
    ["two kinds of line ends", "id,name\r\n1,a\r\n2,b\n3,c\r\n", "its lines end in different ways"],
  ] as const
) {
  Deno.test(`a file with ${what} is refused`, async () => {
    await using bench = await FileBench.create();
    await bench.write("a.csv", text);
    const found = await bench.failure("invalid", bench.read("a.csv"));
    ok(found.startsWith('Cannot read "a.csv"') && found.includes(message), found);
  });
}

Deno.test("a Latin-1 file is told from UTF-8, also far behind its beginning, and read when it is said to be one", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", latin1(lines(70_000, (i) => `${i},n`, "1,caf\xe9")));
  strictEqual(
    await bench.failure("invalid", bench.read("a.csv")),
    'Cannot read "a.csv" line 70002 column 6: it is not UTF-8; it looks like windows-1252: set options.encoding: windows-1252, ' +
      "or save the file as UTF-8",
  );
  const { rows } = await bench.read("a.csv", { encoding: "latin-1" }, "SELECT name FROM t WHERE name <> 'n'");
  deepStrictEqual(rows, [["café"]]);
});

Deno.test("UTF-16 is told, and read when it is said to be it; a byte order mark is no part of a name", async () => {
  await using bench = await FileBench.create();
  const utf16 = new Uint8Array(
    new Uint16Array([..."\ufeffid,name\n1,é\n"].map((c) => c.charCodeAt(0))).buffer,
  );
  await bench.write("a.csv", utf16);
  ok(
    (await bench.failure("invalid", bench.read("a.csv"))).includes(
      "it is UTF-16; set options.encoding: utf-16le",
    ),
  );
  deepStrictEqual((await bench.read("a.csv", { encoding: "utf-16" })).rows, [[1, "é"]]);
  await bench.write("b.csv", "\ufeffid,name\n1,é\n");
  deepStrictEqual((await bench.read("b.csv")).types, ["id BIGINT", "name VARCHAR"]);
});

Deno.test("a file with a header alone has columns and no rows", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", "id,name");
  deepStrictEqual(await bench.read("a.csv"), { types: ["id VARCHAR", "name VARCHAR"], rows: [] });
});

Deno.test("gzip and zstd are read, and refused where they are cut short or damaged", async () => {
  await using bench = await FileBench.create();
  const text = lines(50_000, (i) => `${i},name ${i}`, "5,x");
  for (const [ending, bytes] of [["gz", gzipSync(text)], ["zst", zstdCompressSync(text)]] as const) {
    await bench.write(`whole.csv.${ending}`, bytes);
    strictEqual((await bench.read(`whole.csv.${ending}`, {}, "SELECT count(*) FROM t")).rows[0]?.[0], 50_001);
    await bench.write(`cut.csv.${ending}`, bytes.subarray(0, bytes.length >> 1));
    ok((await bench.failure("invalid", bench.read(`cut.csv.${ending}`))).includes("data is cut short"));
    await bench.write(`not.csv.${ending}`, text);
    await bench.failure("invalid", bench.read(`not.csv.${ending}`));
  }
});

Deno.test("several files: columns by name, types over all of them, and the file's name", async () => {
  await using bench = await FileBench.create();
  await bench.write("data/1.csv", "id,a\n1,2\n");
  await bench.write("data/2.csv", "b,id\nx,y\n");
  await bench.write("data/.hidden.csv", "zzz\n");
  await bench.write("data/we[ir]d*.csv", "id,a\n3,4\n");
  const { types, rows } = await bench.read("data/*.csv", { filename: true });
  deepStrictEqual(types, ["id VARCHAR", "a BIGINT", "filename VARCHAR", "b VARCHAR"]);
  deepStrictEqual(rows, [
    ["1", 2, "data/1.csv", null],
    ["3", 4, "data/we[ir]d*.csv", null],
    ["y", null, "data/2.csv", "x"],
  ]);
  deepStrictEqual((await bench.read("data/we[ir]d*.csv")).rows, [[3, 4]]);
  ok(
    (await bench.failure("invalid", bench.read("data/*.csv", { union_by_name: false }))).includes(
      "different columns",
    ),
  );
});

Deno.test("folders as day=… are columns, with the types of their values", async () => {
  await using bench = await FileBench.create();
  await bench.write("lake/day=2024-01-01/k=007/a.csv", "id\n1\n");
  await bench.write("lake/day=2024-01-02/k=08/a.csv", "id\n2\n");
  const { types, rows } = await bench.read("lake/**/*.csv");
  deepStrictEqual(types, ["id BIGINT", "day DATE", "k VARCHAR"]);
  deepStrictEqual(rows, [[1, "2024-01-01", "007"], [2, "2024-01-02", "08"]]);
  deepStrictEqual((await bench.read("lake/**/*.csv", { hive_partitioning: false })).types, ["id BIGINT"]);
});

Deno.test("the ways in which other programs write CSV", async () => {
  await using bench = await FileBench.create();
  await bench.write("eu.csv", "a;b;c\n1,5;31/12/2024;31/12/2024 10:11\n2,25;01/02/2024;01/02/2024 00:00\n");
  const options = {
    delimiter: ";",
    decimal_separator: ",",
    date_format: "%d/%m/%Y",
    timestamp_format: "%d/%m/%Y %H:%M",
  };
  deepStrictEqual(await bench.read("eu.csv", options), {
    types: ["a DOUBLE", "b DATE", "c TIMESTAMP"],
    rows: [[1.5, "2024-12-31", "2024-12-31 10:11:00"], [2.25, "2024-02-01", "2024-02-01 00:00:00"]],
  });
  await bench.write("none.csv", "# a comment\n\n1,a\n2,b\n");
  deepStrictEqual((await bench.read("none.csv", { header: false, skip_rows: 2 })).types, [
    "column0 BIGINT",
    "column1 VARCHAR",
  ]);
  await bench.write("tabs.tsv", "a\tb\n1\tx,y\n");
  deepStrictEqual((await bench.read("tabs.tsv")).rows, [[1, "x,y"]]);
});

Deno.test("names, quotes and line breaks are taken as they are", async () => {
  await using bench = await FileBench.create();
  await bench.write("h.csv", `"a'b","sel""ect","ü","x y","{}",\n1,2,3,"a\nb ""c""",5,\n`);
  const { types, rows } = await bench.read("h.csv");
  deepStrictEqual(types.map((type) => type.replace(/ [A-Z]+$/, "")), [
    "a'b",
    'sel"ect',
    "ü",
    "x y",
    "{}",
    "column5",
  ]);
  deepStrictEqual(rows, [[1, 2, 3, 'a\nb "c"', 5, null]]);
});

Deno.test("a line that is too long says which option helps", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", `a,b\n1,${"x".repeat(3_000_000)}\n`);
  ok((await bench.failure("invalid", bench.read("a.csv"))).includes("set options.max_line_bytes"));
  deepStrictEqual(
    (await bench.read("a.csv", { max_line_bytes: 4_000_000 }, "SELECT length(b) FROM t")).rows,
    [[3_000_000]],
  );
});

Deno.test("a path that is missing, matches nothing, is a folder, or has no format", async () => {
  await using bench = await FileBench.create();
  await bench.write("data/a.bin", "x");
  strictEqual(
    await bench.failure("not_found", bench.read("no.csv")),
    'Cannot read "no.csv": there is no such file',
  );
  strictEqual(
    await bench.failure("not_found", bench.read("no/*.csv")),
    'Cannot read "no/*.csv": no file matches it',
  );
  ok(
    (await bench.failure("invalid", bench.read("data"))).includes(
      'it is a folder; name its files, as "data/*.csv"',
    ),
  );
  ok((await bench.failure("invalid", bench.read("data/a.bin"))).includes("set options.format"));
  ok(
    (await bench.failure("invalid", bench.read("data/a.bin", { format: "csv", nope: 1 }))).includes(
      "options.nope",
    ),
  );
});

Deno.test("a project's folder may have the characters of globs", async () => {
  await using bench = await FileBench.at(await Deno.makeTempDir({ prefix: "sluice [1] " }));
  await bench.write("data/a.csv", "id,name\n1,x\n");
  deepStrictEqual((await bench.read("data/*.csv", { filename: true })).rows, [[1, "x", "data/a.csv"]]);
  deepStrictEqual((await bench.read("data/a.csv", { comment: "#" })).rows, [[1, "x"]]);
  await bench.load("out.csv", "(1, 'a')");
  await bench.load("out.csv", "(2, 'b')", { mode: "merge", primaryKey: ["id"] });
  deepStrictEqual((await bench.read("out.csv")).rows.length, 2);
});
