import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { DateDay, Decimal, Field, Float64, Int64, Schema, TimestampMicrosecond, Utf8 } from "apache-arrow";
import { FileBench } from "./file_bench.ts";

const ROWS = {
  select: `SELECT * FROM (VALUES
    (1::BIGINT, 1234567.5::DOUBLE, -1234.50::DECIMAL(10,2), DATE '2024-12-31', TIMESTAMP '2024-12-31 23:05:09', 'a;b'),
    (123456, 1e20, 0.25, NULL, NULL, ''),
    (NULL, NULL, NULL, DATE '2024-01-02', TIMESTAMP '2024-01-02 00:00:00', 'é')
  ) AS t(i, f, d, day, moment, t)`,
  schema: new Schema([
    new Field("i", new Int64(), true),
    new Field("f", new Float64(), true),
    new Field("d", new Decimal(2, 10), true),
    new Field("day", new DateDay(), true),
    new Field("moment", new TimestampMicrosecond(), true),
    new Field("t", new Utf8(), true),
  ]),
};

async function written(target: string, options: Record<string, unknown>): Promise<Uint8Array> {
  await using bench = await FileBench.create();
  await bench.load(target, "", { rows: ROWS, options });
  return await Deno.readFile(`${bench.folder}/${target}`);
}

const text = (bytes: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

Deno.test("a CSV load is written as before where no option says otherwise", async () => {
  strictEqual(
    text(await written("a.csv", {})),
    "i,f,d,day,moment,t\n1,1234567.5,-1234.50,2024-12-31,2024-12-31 23:05:09,a;b\n" +
      '123456,1e+20,0.25,,,""\n,,,2024-01-02,2024-01-02 00:00:00,é\n',
  );
});

Deno.test("a CSV load is written as a German Excel wants it", async () => {
  const bytes = await written("a.csv", {
    delimiter: ";",
    decimal_separator: ",",
    thousands_separator: ".",
    date_format: "%d.%m.%Y",
    timestamp_format: "%d.%m.%Y %H:%M:%S",
    line_ends: "crlf",
    bom: true,
    null: "-",
  });
  deepStrictEqual([...bytes.subarray(0, 4)], [0xef, 0xbb, 0xbf, "i".charCodeAt(0)]);
  strictEqual(
    text(bytes.subarray(3)),
    'i;f;d;day;moment;t\r\n1;1.234.567,5;-1.234,50;31.12.2024;31.12.2024 23:05:09;"a;b"\r\n' +
      "123.456;1e+20;0,25;-;-;\r\n-;-;-;02.01.2024;02.01.2024 00:00:00;é\r\n",
  );
});

Deno.test("quotes of a CSV load stand where its style says", async () => {
  const all = text(await written("a.csv", { quote_style: "all", bom: true }));
  ok(all.startsWith('\ufeff"i","f","d","day","moment","t"\n"1","1234567.5"'), all);
  const some = text(await written("a.csv", { quote_style: "non_numeric", header: false }));
  ok(
    some.startsWith('1,1234567.5,-1234.50,"2024-12-31","2024-12-31 23:05:09","a;b"\n123456,1e+20,0.25,,,""'),
    some,
  );
});

Deno.test("a byte order mark is a part of what is compressed", async () => {
  const bytes = await written("a.csv.gz", { bom: true });
  ok(text(gunzipSync(bytes)).startsWith("\ufeffi,f,d,"));
});

Deno.test("what a CSV load has written for Excel is read again, and merged into", async () => {
  await using bench = await FileBench.create();
  const options = { delimiter: ";", decimal_separator: ",", line_ends: "crlf", bom: true, null: "-" };
  await bench.load("a.csv", "", { rows: ROWS, options });
  const { types, rows } = await bench.read("a.csv", { delimiter: ";", decimal_separator: ",", null: "-" });
  deepStrictEqual(types, ["i BIGINT", "f DOUBLE", "d DOUBLE", "day DATE", "moment TIMESTAMP", "t VARCHAR"]);
  deepStrictEqual(rows[1], [123456, 1e20, 0.25, null, null, ""]);
  const one = { ...ROWS, select: `SELECT * REPLACE (2.5::DOUBLE AS f) FROM (${ROWS.select}) WHERE i = 1` };
  // The row without a key has to go first.
  await bench.write(
    "b.csv",
    (await Deno.readTextFile(`${bench.folder}/a.csv`)).split("\r\n").slice(0, 3).join("\r\n"),
  );
  await bench.load("b.csv", "", { rows: one, options, mode: "merge", primaryKey: ["i"] });
  strictEqual(
    (await Deno.readTextFile(`${bench.folder}/b.csv`)).split("\r\n").map((line) => line.split(";")[1]).join(
      " ",
    ),
    "f 2,5 1e+20 ",
  );
});

Deno.test("a merge keeps the rows of a file that DuckDB cannot read as it is", async () => {
  await using bench = await FileBench.create();
  await bench.write("a.csv", "\n\nid,name\n1,a\n2,b\n");
  await bench.load("a.csv", "(2, 'B'), (3, 'c')", { mode: "merge", primaryKey: ["id"] });
  const rows = (await bench.read("a.csv", {}, "SELECT * FROM t ORDER BY id")).rows;
  deepStrictEqual(rows, [[1, "a"], [2, "B"], [3, "c"]]);
});

Deno.test("a text that is written like a missing value is told from one by its quotes", async () => {
  await using bench = await FileBench.create();
  await bench.load("a.csv", "(1, 'NA'), (2, NULL), (3, '')", { options: { null: "NA" } });
  strictEqual(await Deno.readTextFile(`${bench.folder}/a.csv`), 'id,name\n1,"NA"\n2,NA\n3,\n');
  deepStrictEqual((await bench.read("a.csv", { null: "NA" })).rows, [[1, "NA"], [2, null], [3, ""]]);
});
