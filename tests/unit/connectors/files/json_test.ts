import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { FileBench } from "./file_bench.ts";

/** Each column as text: so no digit is lost on the way to the comparison. */
const ALL_TEXT = "SELECT COLUMNS(*)::VARCHAR FROM t";

async function readText(bench: FileBench, content: string, options: Record<string, unknown> = {}) {
  await bench.write("a.ndjson", content);
  return await bench.read("a.ndjson", options, ALL_TEXT);
}

Deno.test("JSON strings are dates and times in ISO's forms only, and else the text that they are", async () => {
  await using bench = await FileBench.create();
  const asText = [
    ["infinity"],
    ["epoch"],
    ["4-4-2"],
    ["05-06-2024", "05-19-2024"],
    ["01-02-24 23:05:00"],
    ["1:15:00"],
    ["3F2504E0-4F89-11D3-9A0C-0305E82C3301"],
    ["3f2504e0-4f89-11d3-9a0c-0305e82c3301"],
    ["2024-01-02", "infinity"],
    ["2024-01-02T10:00:00Z", "2024-01-02T10:00:00"],
    ["2024-01-02T10:00:00.123456789Z"],
    ["2500-01-01T00:00:00.000000001"],
    ["2024-01-02 10:00:00.123456789", "1677-09-21"],
    ["9999-12-31", "2024-01-02 10:00:00.123456789"],
    ["12", "1e5", "true", "NaN"],
    ["2024-02-30"],
    ["2999-01-02T10:00:00.123456789"],
    ["2024-01-02T10:00:00.123456789", "9999-12-31"],
    [" 2024-01-02"],
  ];
  for (const texts of asText) {
    const lines = texts.map((v) => JSON.stringify({ v, n: { d: v }, l: [v] })).join("\n");
    const { types, rows } = await readText(bench, lines);
    deepStrictEqual(types, ["v VARCHAR", "n STRUCT(d VARCHAR)", "l VARCHAR[]"], texts.join());
    deepStrictEqual(rows.map(([v]) => v), texts);
  }
  const typed: [string[], string, string[]][] = [
    [["2024-01-02"], "DATE", ["2024-01-02"]],
    [["2024-01-02T10:00:00", "2024-01-03"], "TIMESTAMP", ["2024-01-02 10:00:00", "2024-01-03 00:00:00"]],
    [["2024-01-02T10:00:00.123456789"], "TIMESTAMP_NS", ["2024-01-02 10:00:00.123456789"]],
    [["2024-01-02T14:38:00+02:00"], "TIMESTAMP WITH TIME ZONE", ["2024-01-02 12:38:00+00"]],
    [["10:00:00.5"], "TIME", ["10:00:00.5"]],
  ];
  for (const [texts, type, values] of typed) {
    const { types, rows } = await readText(
      bench,
      texts.map((v) => JSON.stringify({ v, n: { d: [v, null] } })).join("\n"),
    );
    deepStrictEqual(types, [`v ${type}`, `n STRUCT(d ${type}[])`]);
    deepStrictEqual(rows.map(([v]) => v), values);
  }
});

Deno.test("JSON numbers keep each digit, whatever stands beside them", async () => {
  await using bench = await FileBench.create();
  const cases: [string[], string, string[]?][] = [
    [["1", "-9223372036854775808", "9223372036854775807"], "BIGINT"],
    [["18446744073709551616", "-1"], "HUGEINT"],
    [["1e400", "1"], "VARCHAR"],
    [["1e-400"], "VARCHAR"],
    [["9007199254740993", "1.50"], "VARCHAR"],
    [["0.1234567890123456789"], "VARCHAR"],
    [["9007199254740993.0"], "VARCHAR"],
    [["1" + "0".repeat(60), "-7"], "VARCHAR"],
    [["0.1", "1", "-2.5e-3", "0.30000000000000004", "1.10"], "DOUBLE", [
      "0.1",
      "1.0",
      "-0.0025",
      "0.30000000000000004",
      "1.1",
    ]],
    [["NaN", "Infinity", "-Infinity", "1"], "DOUBLE", ["nan", "inf", "-inf", "1.0"]],
    [["1", '"x"', "true", '{"a":12345678901234567890123}'], "JSON", [
      "1",
      '"x"',
      "true",
      '{"a":12345678901234567890123}',
    ]],
    [["0.12345678901234567890", '"#1"', '"x#"', '["\\"#12\\"", {"k#":1.50}, ""]', "null"], "JSON", [
      "0.12345678901234567890",
      '"#1"',
      '"x#"',
      '["\\"#12\\"",{"k#":1.50},""]',
    ]],
  ];
  for (const [literals, type, shown] of cases) {
    for (
      const wrap of [
        (literal: string) => `{"v":${literal}}`,
        (literal: string) => `{"o":{"v":${literal}},"s":"1.50#","e":"\\"#1\\""}`,
        (literal: string) => `{"l":[${literal},${literal}]}`,
      ]
    ) {
      const { types, rows } = await readText(bench, literals.map(wrap).join("\n"));
      const [first = ""] = types;
      const isNested = !first.startsWith("v ");
      strictEqual(
        first,
        first.startsWith("o") ? `o STRUCT(v ${type})` : first.startsWith("l") ? `l ${type}[]` : `v ${type}`,
      );
      if (!isNested) deepStrictEqual(rows.map(([v]) => v).filter((v) => v !== null), shown ?? literals);
      else if (first.startsWith("o")) {
        const inner = await bench.read("a.ndjson", {}, "SELECT o.v::VARCHAR, s, e FROM t");
        deepStrictEqual(inner.rows.map(([v]) => v).filter((v) => v !== null), shown ?? literals);
        deepStrictEqual(inner.rows[0]?.slice(1), ["1.50#", '"#1"']);
      } else {
        const inner = await bench.read("a.ndjson", {}, "SELECT l[2]::VARCHAR FROM t");
        deepStrictEqual(inner.rows.map(([v]) => v).filter((v) => v !== null), shown ?? literals);
      }
    }
  }
});

Deno.test("options.columns acts on a JSON value's own text, exactly", async () => {
  await using bench = await FileBench.create();
  const right: [string, string, string][] = [
    ['"4-4-2"', "VARCHAR", "4-4-2"],
    ["1.10", "VARCHAR", "1.10"],
    ["12345678901234567890123", "HUGEINT", "12345678901234567890123"],
    ["12345678901234567890123456789012345678", "DECIMAL(38,0)", "12345678901234567890123456789012345678"],
    ["1.12345678901234567890", "DECIMAL(38,20)", "1.12345678901234567890"],
    ["12.34", "DECIMAL(18,2)", "12.34"],
    ['"12.340"', "DECIMAL(18,2)", "12.34"],
    ["0.00001", "DECIMAL(18,5)", "0.00001"],
    ["1", "DOUBLE", "1.0"],
    ["1.5", "FLOAT", "1.5"],
    ['"3F2504E0-4F89-11D3-9A0C-0305E82C3301"', "UUID", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"],
    ['"2024-01-02T14:38:00+02:00"', "TIMESTAMPTZ", "2024-01-02 12:38:00+00"],
    ['{"a":1.50,"b":["x"]}', "JSON", '{"a":1.5,"b":["x"]}'],
    ['{"a":1.50,"b":["x"]}', "VARCHAR", '{"a":1.50,"b":["x"]}'],
    ['{"a":1.50,"b":["x"]}', "STRUCT(a DECIMAL(4,1), b VARCHAR[])", "{'a': 1.5, 'b': [x]}"],
    ['{"a":1,"b":2}', "MAP(VARCHAR, DECIMAL(4,1))", "{a=1.0, b=2.0}"],
    ["[1,2]", "TINYINT[]", "[1, 2]"],
    ["[1,2]", "INTEGER[2]", "[1, 2]"],
    ['"b"', "ENUM('a', 'b')", "b"],
    ["null", "STRUCT(a BIGINT)", null as unknown as string],
  ];
  for (const [literal, type, shown] of right) {
    const { rows } = await readText(bench, `{"v":${literal}}`, { columns: { V: type } });
    deepStrictEqual(rows, [[shown]], `${literal} ${type}`);
  }
  const wrong: [string, string][] = [
    ["1.5", "BIGINT"],
    ['"1.005"', "DECIMAL(18,2)"],
    ["1.005", "DECIMAL(18,2)"],
    ["1e400", "DOUBLE"],
    ["1e-400", "DOUBLE"],
    ["9007199254740993", "DOUBLE"],
    ["300", "TINYINT"],
    ['"2024-01-02T10:00:00"', "DATE"],
    ['"2024-01-02T10:00:00Z"', "TIMESTAMP"],
    ['"c"', "ENUM('a', 'b')"],
    ['{"a":1}', "BIGINT"],
    ["1", "STRUCT(a BIGINT)"],
    ['{"a":1.5}', "STRUCT(a BIGINT)"],
    ["[1,1.5]", "BIGINT[]"],
    ['{"a":1.5}', "MAP(VARCHAR, BIGINT)"],
  ];
  for (const [literal, type] of wrong) {
    const message = await bench.failure(
      "invalid",
      readText(bench, `{"v":null}\n\n{"v":${literal}}\n`, { columns: { v: type } }),
    );
    ok(message.startsWith('Cannot read "a.ndjson" line 3: column "v" is '), `${literal} ${type}: ${message}`);
    ok(message.includes("expected "), message);
  }
  ok(
    (await bench.failure(
      "invalid",
      readText(bench, '{"v":{"a":1,"b":2}}', { columns: { v: "STRUCT(a BIGINT)" } }),
    )).includes('"v" has the key "b"'),
  );
});

Deno.test("a column of options.columns that no record has is NULL", async () => {
  await using bench = await FileBench.create();
  const { types, rows } = await readText(bench, '{"id":1}', { columns: { note: "VARCHAR" } });
  deepStrictEqual([types, rows], [["id BIGINT", "note VARCHAR"], [["1", null]]]);
});

Deno.test("keys that differ in case are one column, and no object has one key twice", async () => {
  await using bench = await FileBench.create();
  const united = await readText(bench, '{"Id":1,"x":"1.50#"}\n{"id":2.50}\n{"ID":null}\n{"x":"a"}');
  deepStrictEqual(united, {
    types: ["Id DOUBLE", "x VARCHAR"],
    rows: [["1.0", "1.50#"], ["2.5", null], [null, null], [null, "a"]],
  });
  const twice = [
    '{"a":1}\n{"id":1,"id":2}',
    '{"a":1}\n{"id":1,"ID":2}',
    '{"a":1}\n{"o":{"id":1,"id":1}}',
    '{"a":1}\n{"o":[{"id":1,"\\u0069d":1}]}',
  ];
  for (const content of twice) {
    const message = await bench.failure("invalid", readText(bench, content));
    ok(/^Cannot read "a.ndjson" line 2: the key "(?:id|ID)" is there twice/.test(message), message);
  }
  const nested = await readText(bench, '{"o":{"Id":1,"id":2.50}}');
  deepStrictEqual(nested, { types: ["o JSON"], rows: [['{"Id":1,"id":2.5}']] });
});

Deno.test("records stand in lines, over lines, behind each other or in an array, with any ending", async () => {
  await using bench = await FileBench.create();
  const contents = [
    '{"id":1}\n{"id":2}\n',
    '{"id":1}\r\n\r\n   \r\n{"id":2}',
    '{"id":1}{"id":2}',
    '{\n  "id": 1\n}\n{\n  "id": 2\n}\n',
    '[{"id":1},{"id":2}]',
    '[\n  {"id": 1},\n\n  {\n"id": 2}\n]\n\n',
    '\ufeff{"id":1}\n{"id":2}\n',
    '\ufeff[{"id":1},\n{"id":2}]',
    '{"id":\t1}\n\n\n\n{"id":2}\n\n\n',
  ];
  for (const content of contents) {
    for (const name of ["a.ndjson", "a.json"]) {
      await bench.write(name, content);
      const read = await bench.read(name);
      deepStrictEqual(read, { types: ["id BIGINT"], rows: [[1], [2]] }, `${name} ${content}`);
      await bench.write(`${name}.gz`, gzipSync(content));
      deepStrictEqual((await bench.read(`${name}.gz`)).rows, [[1], [2]]);
    }
  }
  for (const [index, content] of contents.entries()) await bench.write(`many/${index}.json`, content);
  const { rows } = await bench.read(
    "many/*.json",
    { filename: true },
    "SELECT count(*), sum(id), max(filename) FROM t",
  );
  deepStrictEqual(rows, [[18, 27, "many/8.json"]]);
});

Deno.test("what is no JSON, or no records, is refused with its line", async () => {
  await using bench = await FileBench.create();
  const faults: [string | Uint8Array, number, RegExp][] = [
    ['{"id":1}\n{"id":2,,}', 2, /expected a key in quotes, found ","/],
    ['{"id":1}\n{"id":2,}', 2, /expected a key/],
    ['{"id":1}\n{"id":01}', 2, /begins with a zero/],
    ['{"id":1}\n{"id":1.}', 2, /digit behind the point/],
    ['{"id":1}\n{"id":nul}', 2, /expected a value, found nul/],
    ['{"id":1}\n{"id":"x\n"}', 2, /line break/],
    ['{"id":1}\n\n{"id":"\\ud800"}\n', 3, /half of a surrogate pair/],
    ['{"id":1}\n{"id":"\\udc00"}', 2, /half of a surrogate pair/],
    ['{"id":1}\n{"id":"\\x"}', 2, /unknown escape/],
    ['{"id":1}\n{"id":2', 2, /found the end of the file/],
    ['{"id":1}\n{"id":"abc', 2, /found the end of the file/],
    ["[1,2]", 1, /expected an object, found a number/],
    ['{"id":1}\n"x"', 2, /expected an object, found a string/],
    ['{"id":1}\nnull', 2, /expected an object, found null/],
    ['{"id":1}\n[{"id":2}]', 2, /expected an object, found an array/],
    ['[{"id":1}\n]\n[{"id":2}]', 3, /expected the end of the file/],
    ['[{"id":1}\n,]', 2, /expected an object, found "\]"/],
    ['[{"id":1}\n', 2, /expected a closing bracket/],
    ['[{"id":1}\n{"id":1}]', 2, /expected a comma/],
    ['{"id":1}\n{"":1}', 2, /empty/],
    ['{"id":1}\n{"a\\u0000b":1}', 2, /NUL/],
    [Uint8Array.from([...new TextEncoder().encode('{"id":1}\n{"id":"'), 0xe4, 0x22, 0x7d]), 2, /not UTF-8/],
    [Uint8Array.from([0xff, 0xfe, 0x7b, 0x00]), 1, /UTF-16/],
    ['{"id":1}\n' + '{"a":'.repeat(1_500) + "1" + "}".repeat(1_500), 2, /nested more than/],
  ];
  for (const [content, line, reason] of faults) {
    await bench.write("a.ndjson", content);
    const message = await bench.failure("invalid", bench.read("a.ndjson"));
    ok(message.startsWith(`Cannot read "a.ndjson" line ${line}: `) && reason.test(message), message);
  }
  await bench.write("big.ndjson", '{"id":1,"text":"äöü"}\n'.repeat(200_000) + '{"id":tru}');
  ok((await bench.failure("invalid", bench.read("big.ndjson"))).includes('"big.ndjson" line 200001: '));
});

Deno.test("late keys and types that flip lose no value, in one file or over several", async () => {
  await using bench = await FileBench.create();
  const many = Array.from({ length: 30_000 }, (_, i) => `{"id":${i},"at":"2024-01-01"}`).join("\n");
  await bench.write("1.ndjson", `${many}\n{"id":1.5,"late":"legacy-7"}\n`);
  await bench.write("2.ndjson", '{"id":-1,"at":"soon","late":"2024-01-02","o":{"a":1}}\n{"o":{"b":[]}}');
  const { types, rows } = await bench.read(
    "*.ndjson",
    {},
    'SELECT count(*), sum(id), count("at"), max("at"), min(late) FROM t',
  );
  deepStrictEqual(types, ["id DOUBLE", "at VARCHAR", "late VARCHAR", "o STRUCT(a BIGINT, b VARCHAR[])"]);
  deepStrictEqual(rows, [[30_003, 449_985_000.5, 30_001, "soon", "2024-01-02"]]);
});

Deno.test("thousands of keys: columns at the top, a map with exact numbers below", async () => {
  await using bench = await FileBench.create();
  const count = 2_100;
  const keys = Array.from({ length: count }, (_, i) => `"k${i}":9007199254740993`).join(",");
  const top = await readText(bench, `{${keys}}\n{"k7":1}`);
  strictEqual(top.types.length, count);
  deepStrictEqual([top.rows[0]?.[2_050], top.rows[1]?.[7]], ["9007199254740993", "1"]);
  const nested = await readText(bench, `{"o":{"a":5}}\n{"o":{${keys}}}\n{"o":{"x y":18446744073709551616}}`);
  deepStrictEqual(nested.types, ["o MAP(VARCHAR, HUGEINT)"]);
  deepStrictEqual([nested.rows[0], nested.rows[2]], [["{a=5}"], ["{x y=18446744073709551616}"]]);
  strictEqual(nested.rows[1]?.join().match(/9007199254740993/g)?.length, count);
  const mixed = await readText(bench, `{"o":{${keys},"x":1.50}}`);
  deepStrictEqual(mixed.types, ["o MAP(VARCHAR, VARCHAR)"]);
  ok(mixed.rows[0]?.join().endsWith("x=1.50}"));
});

Deno.test("values nested deeper than any type are JSON", async () => {
  await using bench = await FileBench.create();
  const deep = `${'{"a":['.repeat(100)}1.50${"]}".repeat(100)}`;
  const { types, rows } = await readText(bench, `{"v":${deep}}`, { columns: { v: "JSON" } });
  deepStrictEqual([types, rows], [["v JSON"], [[deep.replace("1.50", "1.5")]]]);
  strictEqual((await readText(bench, `{"v":${deep}}`)).rows.length, 1);
});

Deno.test("zstd that DuckDB cannot read is read all the same, beside files that it can", async () => {
  await using bench = await FileBench.create();
  const skipped = Uint8Array.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const frame = zstdCompressSync('{"id":1.50,"at":"2024-01-01"}\n');
  await bench.write("odd.ndjson.zst", Uint8Array.from([...skipped, ...frame]));
  await bench.write("plain.ndjson.zst", zstdCompressSync('{"id":2}'));
  const { types, rows } = await bench.read("*.zst", { filename: true, columns: { id: "VARCHAR" } });
  deepStrictEqual(types, ["id VARCHAR", "at DATE", "filename VARCHAR"]);
  deepStrictEqual(rows.sort(), [["1.50", "2024-01-01", "odd.ndjson.zst"], ["2", null, "plain.ndjson.zst"]]);
});

Deno.test("a path's columns stand beside a record's, and never in its place", async () => {
  await using bench = await FileBench.create();
  await bench.write("p/day=2024-01-02/a.ndjson", '{"id":1.0000000000000000001}');
  await bench.write("p/day=2024-01-03/a.ndjson", "");
  const { types, rows } = await bench.read("p/*/*.ndjson", { filename: true }, ALL_TEXT);
  deepStrictEqual(types, ["id VARCHAR", "day DATE", "filename VARCHAR"]);
  deepStrictEqual(rows, [["1.0000000000000000001", "2024-01-02", "p/day=2024-01-02/a.ndjson"]]);
  await bench.write("q/day=2024-01-02/a.ndjson", '{"Day":7}');
  deepStrictEqual(await bench.read("q/*/*.ndjson"), { types: ["Day BIGINT"], rows: [[7]] });
  const message = await bench.failure("invalid", bench.read("q/*/*.ndjson", { hive_partitioning: true }));
  ok(message.includes("hive_partitioning: false"), message);
  ok(
    (await bench.failure("invalid", readText(bench, '{"filename":1}', { filename: true })))
      .includes("leave out options.filename"),
  );
});

Deno.test("a key with a backslash is not taken for the beginning of another", async () => {
  await using bench = await FileBench.create();
  const { rows } = await readText(bench, `{"a\\\\":1}\n{"a\\"b":2}\n{"a\\\\":3,"a\\"b":4}`);
  deepStrictEqual(rows, [["1", null], [null, "2"], ["3", "4"]]);
});
