import { deepStrictEqual, ok } from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { FileBench } from "./file_bench.ts";

type Options = Record<string, unknown>;

for (
  const [what, text, options, rows] of [
    [
      "skip_rows counts lines, whatever stands on them",
      '"Report of\nJanuary"\n\na,b\n1,2\n3,4\n',
      { skip_rows: 3 },
      [[1, 2], [3, 4]],
    ],
    ["skip_rows behind a quote", '5" of rain\na,b\n1,2\n', { skip_rows: 1 }, [[1, 2]]],
    ["skip_rows over blank lines", "x\n\ny\na,b\n1,2\n3,4\n", { skip_rows: 3 }, [[1, 2], [3, 4]]],
    ["skip_rows up to a blank line", "x\ny\n\na,b\n1,2\n", { skip_rows: 2 }, [[1, 2]]],
    ["skip_rows with CRLF", "x, y\r\nz\r\na,b\r\n1,2\r\n", { skip_rows: 2 }, [[1, 2]]],
    ["skip_rows without a header", "x\n1,2\n3,4\n", { skip_rows: 1, header: false }, [[1, 2], [3, 4]]],
    ["blank first lines", "\n\na,b\n1,2\n3,4\n", {}, [[1, 2], [3, 4]]],
    ["a first line that names the delimiter", "sep=;\na;b\n1;2\n", {}, [[1, 2]]],
    ["a first line that names the delimiter given", "sep=;\r\na;b\r\n1;2\r\n", { delimiter: ";" }, [[1, 2]]],
    ["sep= behind a byte order mark", "\ufeffsep=\t\na\tb\n1\t2\n", {}, [[1, 2]]],
    ["an escape that is none", 'a,b\n"d:\\dir",2\n"x\\"y",4\n"a\\\\b",4\n', { escape: "\\" }, [
      ["d:\\dir", 2],
      ['x"y', 4],
      ["a\\b", 4],
    ]],
    ["a totals row with fewer values", "a,b\n1,2\nTotal\n", { skip_footer: 1 }, [[1, 2]]],
    ["footers with blank lines", "a,b\n1,2\n\nTotal,2\n\nsource: x\n\n", { skip_footer: 2 }, [[1, 2]]],
    ["short rows", "a,b,c\n1,2\n3\n4,5,6\n", { null_padding: true }, [
      [1, 2, null],
      [3, null, null],
      [4, 5, 6],
    ]],
    ["comment lines", '# made by x, y\na,b\n1,2\n#3,4\n5,"#6"\n', { comment: "#" }, [[1, "2"], [5, "#6"]]],
    ["comment lines of more characters", "a,b\n//1,2\n5,6\n", { comment: "//" }, [[5, 6]]],
    ["mixed line ends", "a,b\r\n1,2\n3,4\r5,6\r\n", { line_ends: "mixed" }, [[1, 2], [3, 4], [5, 6]]],
    ["no quotes", 'a,b\n5" pipe,"x\n', { quote: "" }, [['5" pipe', '"x']]],
    ["blanks around quotes", 'a, b\n1, "x, y" \n2,  z\n', { skip_initial_space: true }, [[1, "x, y"], [
      2,
      "z",
    ]]],
    ["a delimiter beyond ASCII", "a§b\n1§2\n", { delimiter: "§" }, [[1, 2]]],
    ["a delimiter of two characters", 'a||b\n"1||x"||2\n', { delimiter: "||" }, [["1||x", 2]]],
    ["an empty value too many", "a,b\n1,2,\n3,4\n", {}, [[1, 2], [3, 4]]],
    ["one column with a missing value", "a\n1\n\n3\n", { comment: "#" }, [[1], [null], [3]]],
    ["quoted values that look empty", 'a,b\n"",1\n,2\n', { comment: "#" }, [["", 1], [null, 2]]],
    ["values with quotes and line breaks, copied", 'a,b\n"x ""y""\nz",1\n', { comment: "#" }, [[
      'x "y"\nz',
      1,
    ]]],
  ] as readonly (readonly [string, string, Options, unknown[][]])[]
) {
  Deno.test(`CSV: ${what}`, async () => {
    await using bench = await FileBench.create();
    await bench.write("a.csv", text);
    deepStrictEqual((await bench.read("a.csv", options)).rows, rows);
    // What is made on the way is gone.
    deepStrictEqual((await bench.files()).filter((name) => name.startsWith(".scratch/")), []);
  });
}

for (
  const [what, text, options, message] of [
    ["an empty quoted value too many", 'a,b\n1,2,""\n', {}, "line 2: it has 3 values, expected 2"],
    ["NUL in a name", "a\0,b\n1,2\n", {}, "line 1: the name of column 1 has a NUL character"],
    ["a sheet", "a,b\n1,2\n", { sheet: "S" }, "leave out options.sheet"],
    ["a short row", "a,b\n1,2\nTotal\n", {}, "set options.null_padding: true"],
    ["a short row, copied", "a,b\n1,2\nTotal\n", { comment: "#" }, "line 3: it has 1 value, expected 2"],
    [
      "another delimiter than it names",
      "sep=;\na,b\n1,2\n",
      { delimiter: "," },
      'names ";" as the delimiter',
    ],
    ["two kinds of line ends", "a,b\r\n1,2\n", {}, "line 2: its lines end in different ways"],
    ["two kinds of line ends, copied", "a,b\r\n1,2\n", { comment: "#" }, "set options.line_ends: mixed"],
  ] as readonly (readonly [string, string, Options, string])[]
) {
  Deno.test(`CSV with ${what} is refused`, async () => {
    await using bench = await FileBench.create();
    await bench.write("a.csv", text);
    const found = await bench.failure("invalid", bench.read("a.csv", options));
    ok(found.startsWith('Cannot read "a.csv"') && found.includes(message), found);
  });
}

/** Bytes of each, made by Python's codecs. */
const ENCODED: readonly (readonly [string, string, string])[] = [
  ["windows-1252", "Zoë’s café – 5 €", "5a6fee".replace("ee", "eb") + "9273206361" + "66e9209620352080"],
  ["windows-1251", "Привет", "cff0e8e2e5f2"],
  ["koi8-r", "Привет", "f0d2c9d7c5d4"],
  ["gbk", "你好世界", "c4e3bac3cac0bde7"],
  ["shift_jis", "こんにちは", "82b182f182c982bf82cd"],
  ["euc-kr", "안녕하세요", "bec8b3e7c7cfbcbcbfe4"],
  ["big5", "你好", "a741a66e"],
  ["utf-16le", "é😀", "e9003dd800de"],
  ["utf-16be", "é😀", "00e9d83dde00"],
];

for (const [encoding, value, hex] of ENCODED) {
  Deno.test(`CSV in ${encoding} is read, and advised where nobody said so`, async () => {
    await using bench = await FileBench.create();
    const bytes = Uint8Array.fromHex(hex);
    const isWide = encoding.startsWith("utf-16");
    const ascii = (text: string) =>
      Uint8Array.from(
        [...text].flatMap((c) =>
          !isWide ? [c.charCodeAt(0)] : encoding.endsWith("le") ? [c.charCodeAt(0), 0] : [0, c.charCodeAt(0)]
        ),
      );
    // Enough for a value to lie across two chunks.
    const parts = [ascii("id,v\n")];
    for (let i = 0; i < 40_000; i++) parts.push(ascii(`${i},`), bytes, ascii("\n"));
    await bench.write("a.csv", new Uint8Array(await new Blob(parts).arrayBuffer()));
    const { rows } = await bench.read("a.csv", { encoding }, "SELECT v, count(*), max(id) FROM t GROUP BY v");
    deepStrictEqual(rows, [[value, 40_000, 39_999]]);
    const advice = await bench.failure("invalid", bench.read("a.csv"));
    ok(advice.includes(`set options.encoding: ${encoding}`), advice);
  });
}

Deno.test("a label of the Encoding Standard is taken in any of its forms, and another one is refused", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", Uint8Array.fromHex("610a80"));
  for (const encoding of ["windows-1252", "CP1252", "latin1", "latin-1", "ISO-8859-1"]) {
    deepStrictEqual((await bench.read("a.csv", { encoding })).rows, [["€"]]);
  }
  ok(
    (await bench.failure("invalid", bench.read("a.csv", { encoding: "ebcdic" }))).includes(
      "Encoding Standard",
    ),
  );
});

Deno.test("bytes that are no text are told with line and column, or replaced where that is asked for", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", Uint8Array.fromHex("612c620a312c320ac3a9782c80790a"));
  ok(
    (await bench.failure("invalid", bench.read("a.csv"))).startsWith(
      'Cannot read "a.csv" line 3 column 4: it is not UTF-8; ',
    ),
  );
  deepStrictEqual((await bench.read("a.csv", { encoding_errors: "replace" })).rows, [["1", "2"], [
    "éx",
    "\ufffdy",
  ]]);
  // A surrogate without its other half.
  await bench.write("b.csv", Uint8Array.fromHex("61000a0001d80a00"));
  ok(
    (await bench.failure("invalid", bench.read("b.csv", { encoding: "utf-16le" }))).startsWith(
      'Cannot read "b.csv" line 2 column 1: it is not utf-16le',
    ),
  );
  await bench.write("c.csv", Uint8Array.fromHex("610ac3"));
  ok((await bench.failure("invalid", bench.read("c.csv"))).includes("line 2 column 1"));
});

Deno.test("what is no CSV is told by its first bytes", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", gzipSync("a,b\n1,2\n"));
  ok((await bench.failure("invalid", bench.read("a.csv"))).includes("set options.compression: gzip"));
  deepStrictEqual((await bench.read("a.csv", { compression: "gzip" })).rows, [[1, 2]]);
  await bench.write("b.csv", zstdCompressSync("a,b\n1,2\n"));
  ok((await bench.failure("invalid", bench.read("b.csv"))).includes("set options.compression: zstd"));
  await bench.write("c.csv", Uint8Array.fromHex("504b0304ffff"));
  ok((await bench.failure("invalid", bench.read("c.csv"))).includes("Excel workbook"));
});

Deno.test("zstd with skippable frames, and with a window that DuckDB does not read, is read", async () => {
  await using bench = await FileBench.create();
  const text = `id,v\n${Array.from({ length: 5_000 }, (_, i) => `${i},${"x".repeat(i % 50)}`).join("\n")}\n`;
  const frame = zstdCompressSync(text);
  const skippable = Uint8Array.fromHex("502a4d180300000061620a");
  await bench.write("a.csv.zst", new Uint8Array(await new Blob([skippable, frame]).arrayBuffer()));
  const select = "SELECT count(*), max(id), sum(length(v))::BIGINT FROM t";
  deepStrictEqual((await bench.read("a.csv.zst", {}, select)).rows, [[5_000, 4_999, 122_500]]);
  // One raw block behind a frame header that asks for a window of 2^31 bytes (RFC 8878, section 3.1.1).
  const content = new TextEncoder().encode(text.slice(0, 20_000).replace(/[^\n]*$/, ""));
  const block = (content.length << 3) | 1;
  const header = [0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, block & 255, (block >> 8) & 255, block >> 16];
  const wide = Uint8Array.from([...header, ...content]);
  await bench.write("b.csv.zst", wide);
  const lines = new TextDecoder().decode(content).split("\n").length - 2;
  deepStrictEqual((await bench.read("b.csv.zst", {}, "SELECT count(*), max(id) FROM t")).rows, [[
    lines,
    lines - 1,
  ]]);
  const frames = await new Blob([frame, skippable, zstdCompressSync("5000,x\n")]).arrayBuffer();
  await bench.write("c.csv.zst", new Uint8Array(frames));
  deepStrictEqual((await bench.read("c.csv.zst", {}, "SELECT count(*), max(id) FROM t")).rows, [[
    5_001,
    5_000,
  ]]);
});

Deno.test("a folder that is named like a column of its files is no column", async () => {
  await using bench = await FileBench.create();
  await bench.write("lake/id=7/a.csv", "id,v\n1,5\n");
  deepStrictEqual(await bench.read("lake/*/*.csv"), { types: ["id BIGINT", "v BIGINT"], rows: [[1, 5]] });
  ok(
    (await bench.failure("invalid", bench.read("lake/*/*.csv", { hive_partitioning: true }))).includes(
      'its folder id=… has the name of its column "id"',
    ),
  );
});

Deno.test("copied files have their names, their folders and their columns", async () => {
  await using bench = await FileBench.create();
  await bench.write("lake/day=2024-01-01/a.csv", "#\nid,v\n1,x\n");
  await bench.write("lake/day=2024-01-02/b.csv", "#\nid\n2\n");
  deepStrictEqual(
    await bench.read("lake/*/*.csv", { comment: "#", filename: true }, "SELECT * FROM t ORDER BY id"),
    {
      types: ["id BIGINT", "v VARCHAR", "day DATE", "filename VARCHAR"],
      rows: [
        [1, "x", "2024-01-01", "lake/day=2024-01-01/a.csv"],
        [2, null, "2024-01-02", "lake/day=2024-01-02/b.csv"],
      ],
    },
  );
});

Deno.test("a misfit in a file that is copied is told with its own line", async () => {
  await using bench = await FileBench.create();
  const lines = Array.from({ length: 30_000 }, (_, i) => `${i},"a\nb"`);
  await bench.write("a.csv", `#\nid,v\n${lines.join("\n")}\nabc,x\n`);
  const found = await bench.failure("invalid", bench.read("a.csv", { comment: "#" }));
  ok(found.startsWith('Cannot read "a.csv" line 60003: column "id" is "abc", expected BIGINT'), found);
});
