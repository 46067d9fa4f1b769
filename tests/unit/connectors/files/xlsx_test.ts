import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import {
  Bool,
  DateDay,
  Decimal,
  Field,
  Float64,
  Int64,
  Schema,
  TimestampMicrosecond,
  Utf8,
} from "apache-arrow";
import { numberKind } from "../../../../connectors/files/xlsx/number_format.ts";
import { serialTime, timestampSerial } from "../../../../connectors/files/xlsx/serial.ts";
import { archiveOf, type RawWorkbook, workbookOf } from "../../../support/workbook.ts";
import { FileBench } from "./file_bench.ts";

const NAMES =
  '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row>';

async function read(raw: RawWorkbook, options: Record<string, unknown> = {}) {
  await using bench = await FileBench.create();
  await bench.write("a.xlsx", await workbookOf(raw));
  return await bench.read("a.xlsx", options);
}

async function failure(
  raw: RawWorkbook | Uint8Array,
  options: Record<string, unknown> = {},
): Promise<string> {
  await using bench = await FileBench.create();
  await bench.write("a.xlsx", raw instanceof Uint8Array ? raw : await workbookOf(raw));
  return await bench.failure("invalid", bench.read("a.xlsx", options));
}

const sheet = (rows: string): RawWorkbook => ({ sheets: [{ name: "S", rows: NAMES + rows }] });

Deno.test("a cell is what its type and format say: numbers, dates, times, booleans and texts", async () => {
  const value = await read({
    strings:
      "<si><t>007</t></si><si><r><t>ri</t></r><r><t xml:space='preserve'>ch </t></r><rPh><t>x</t></rPh></si>" +
      "<si><t>a_x000D_b &amp; &lt;</t></si>",
    formats: ["yyyy-mm-dd", "[h]:mm", "0.00&quot; days&quot;", "hh:mm", "dd/mm/yyyy hh:mm"],
    sheets: [{
      name: "S",
      rows: '<row><c t="s"><v>0</v></c><c t="str"><v>n</v></c></row>' +
        '<row><c t="s"><v>1</v></c><c><v>1.1000000000000001</v></c></row>' +
        '<row><c t="s"><v>2</v></c><c><v>3E2</v></c></row>',
    }],
  });
  deepStrictEqual(value, {
    types: ["007 VARCHAR", "n DOUBLE"],
    rows: [["rich ", 1.1], ["a\rb & <", 300]],
  });
  const dates = await read({
    formats: ["yyyy-mm-dd", "[h]:mm", "0.00&quot; days&quot;", "hh:mm", "dd/mm/yyyy hh:mm"],
    sheets: [{
      name: "S",
      rows: `<row>${
        ["d", "e", "n", "t", "dt", "b"].map((name) => `<c t="str"><v>${name}</v></c>`).join("")
      }</row>` +
        '<row><c s="1"><v>45351</v></c><c s="2"><v>2.0625</v></c><c s="3"><v>2</v></c><c s="4"><v>0.4375</v></c>' +
        '<c s="5"><v>45351.5</v></c><c t="b"><v>1</v></c></row>' +
        '<row><c t="d"><v>2024-03-01</v></c><c/><c/><c/><c t="d"><v>2024-03-01T10:00:00</v></c><c t="b"><v>0</v></c></row>',
    }],
  });
  deepStrictEqual(dates, {
    types: ["d DATE", "e INTERVAL", "n BIGINT", "t TIME", "dt TIMESTAMP", "b BOOLEAN"],
    rows: [
      ["2024-02-29", "49:30:00", 2, "10:30:00", "2024-02-29 12:00:00", true],
      ["2024-03-01", null, null, null, "2024-03-01 10:00:00", false],
    ],
  });
});

Deno.test("the systems of 1900 and 1904 give their own days", async () => {
  const rows =
    '<row><c t="str"><v>d</v></c></row><row><c s="1"><v>1</v></c></row><row><c s="1"><v>61</v></c></row>';
  const raw = { formats: ["yyyy-mm-dd"], sheets: [{ name: "S", rows }] };
  deepStrictEqual((await read(raw)).rows, [["1900-01-01"], ["1900-03-01"]]);
  deepStrictEqual((await read({ ...raw, is1904: true })).rows, [["1904-01-02"], ["1904-03-02"]]);
  // The day that never was makes no date.
  deepStrictEqual(serialTime(60, false), undefined);
  for (const text of ["1900-01-01", "1900-02-28", "1900-03-01", "2024-02-29", "9999-12-31"]) {
    deepStrictEqual(serialTime(timestampSerial(text) ?? -1, false)?.date, text);
  }
  for (const text of ["2024-01-02 03:04:05.678", "1999-12-31 23:59:59.999", "2024-01-02 00:00:01"]) {
    const { date, time } = serialTime(timestampSerial(text) ?? -1, false) ?? {};
    deepStrictEqual(`${date} ${time}`, text);
  }
  deepStrictEqual(timestampSerial("2024-01-02 03:04:05.678901"), undefined);
  deepStrictEqual(timestampSerial("1899-12-31"), undefined);
});

Deno.test("number formats are dates where Excel shows dates", () => {
  const kinds = {
    date: ["d/m/yy", "[$-407]d. mmmm yyyy;@", "mmm-yy", "yyyy"],
    time: ["h:mm AM/PM", "mm:ss.0"],
    datetime: ["yyyy-mm-dd hh:mm", "m/d/yy h:mm"],
    elapsed: ["[h]:mm:ss", "[mm]:ss"],
    number: ["General", "0.00", '#,##0 "days"', "[Red]0", "0%", "0.00E+00", "@", '"yyyy"0', "[>=100]0"],
  } as const;
  for (const [kind, codes] of Object.entries(kinds)) {
    for (const code of codes) deepStrictEqual(numberKind(164, code), kind, code);
  }
  deepStrictEqual([14, 22, 21, 46, 2].map((id) => numberKind(id, undefined)), [
    "date",
    "datetime",
    "time",
    "elapsed",
    "number",
  ]);
});

Deno.test("a column of several kinds of cells is text, and one of texts stays text", async () => {
  const { types, rows } = await read(sheet(
    '<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="str"><v>12</v></c></row>' +
      '<row r="3"><c r="A3" t="b"><v>1</v></c><c r="B3" t="str"><v>0012</v></c></row>' +
      '<row r="5"><c r="A5"><v>0.1</v></c></row>',
  ));
  deepStrictEqual(types, ["a VARCHAR", "b VARCHAR"]);
  deepStrictEqual(rows, [["1", "12"], ["true", "0012"], ["0.1", null]]);
});

Deno.test("sheets, ranges, skipped rows and sheets without names", async () => {
  const row = (r: number, ...values: (string | number)[]) =>
    `<row r="${r}">${
      values.map((v, i) =>
        v === ""
          ? ""
          : typeof v === "number"
          ? `<c r="${"ABCDE"[i]}${r}"><v>${v}</v></c>`
          : `<c r="${"ABCDE"[i]}${r}" t="str"><v>${v}</v></c>`
      ).join("")
    }</row>`;
  const raw: RawWorkbook = {
    sheets: [
      { name: "Hidden", state: "hidden", rows: row(1, "h") + row(2, 1) },
      { name: "Data", rows: row(1, "Report") + row(3, "", "x", "y") + row(4, "", 1, 2) + row(9, "", 3, 4) },
      { name: "Plain", rows: row(1, 1, "p") + row(2, 2, "q") },
    ],
  };
  deepStrictEqual((await read(raw, { skip_rows: 2 })).rows, [[1, 2], [3, 4]]);
  deepStrictEqual((await read(raw, { range: "B3" })).rows, [[1, 2], [3, 4]]);
  deepStrictEqual(await read(raw, { range: "$C$3:$C$4" }), { types: ["y BIGINT"], rows: [[2]] });
  deepStrictEqual((await read(raw, { sheet: "hidden" })).rows, [[1]]);
  deepStrictEqual(await read(raw, { sheet: "Plain", header: false }), {
    types: ["column0 BIGINT", "column1 VARCHAR"],
    rows: [[1, "p"], [2, "q"]],
  });
  ok((await failure(raw, { sheet: "Dta" })).includes("(did you mean Data?); it has Hidden, Data, Plain"));
  ok((await failure(raw)).includes("cell B3 has a value and its column no name"));
  ok((await failure(raw, { range: "3:4" })).includes("expected a range of cells"));
});

Deno.test("cells with errors and formulas without values are told by their names", async () => {
  const error = sheet('<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="e"><v>#DIV/0!</v></c></row>');
  ok(
    (await failure(error)).includes('sheet "S": cell B2 is #DIV/0!; correct it, or set options.error_cells'),
  );
  deepStrictEqual((await read(error, { error_cells: "null" })).rows, [[1, null]]);
  deepStrictEqual((await read(error, { error_cells: "text" })).rows, [[1, "#DIV/0!"]]);
  deepStrictEqual(
    (await read(
      sheet('<row r="2"><c r="A2"><f>1+1</f><v>2</v></c><c r="B2" t="str"><f>""</f><v></v></c></row>'),
    )).rows,
    [[2, ""]],
  );
  ok(
    (await failure(sheet('<row r="2"><c r="A2"><f>1+1</f></c></row>'))).includes(
      "cell A2 has a formula without its value",
    ),
  );
  const misfit = sheet(
    '<row r="2"><c r="A2"><v>1</v></c></row><row r="7"><c r="A7" t="str"><v>x</v></c></row>',
  );
  ok(
    (await failure(misfit, { columns: { a: "BIGINT" } })).includes(
      'sheet "S" cell A7: column "a" is "x", expected BIGINT',
    ),
  );
});

Deno.test("what is no workbook, or a trap, is refused", async () => {
  ok((await failure(new TextEncoder().encode("a,b\n1,2\n"))).includes("it is no whole Excel workbook"));
  const whole = await workbookOf(sheet('<row r="2"><c r="A2"><v>1</v></c></row>'));
  ok((await failure(whole.slice(0, whole.length >> 1))).includes("no whole Excel workbook"));
  ok((await failure(await archiveOf({ "x.txt": "x" }))).includes("Excel workbook"));
  const doctype = '<!DOCTYPE x [<!ENTITY a "b">]>';
  ok(
    (await failure({ sheets: [{ name: "S", rows: `${doctype}<row/>` }] })).includes("Excel workbook") ||
      (await failure({ sheets: [{ name: "S", rows: doctype }] })).includes("sheet"),
  );
  // One text that is longer than any cell could be, from few bytes.
  const bomb = sheet(`<row r="2"><c r="A2" t="str"><v>${"a".repeat(70 * 1024 * 1024)}</v></c></row>`);
  ok((await failure(bomb)).includes("too long"));
});

const ROWS = {
  select: `SELECT * FROM (VALUES
    (123456789012345::BIGINT, 0.1::DOUBLE, 12.50::DECIMAL(20,2), DATE '2024-12-31', TIMESTAMP '2024-12-31 23:05:09.25',
      '=HYPERLINK("x")', true),
    (1234567890123456, 'nan', 123456789012345678.25, DATE '1899-01-01', TIMESTAMP '2024-01-01 00:00:00.123456', '007', false),
    (NULL, NULL, NULL, NULL, NULL, e'_x0041_ \\x01\\r\\n<&>', NULL)
  ) AS t(i, f, d, day, moment, t, b)`,
  schema: new Schema([
    new Field("i", new Int64(), true),
    new Field("f", new Float64(), true),
    new Field("d", new Decimal(2, 20), true),
    new Field("day", new DateDay(), true),
    new Field("moment", new TimestampMicrosecond(), true),
    new Field("t", new Utf8(), true),
    new Field("b", new Bool(), true),
  ]),
};

Deno.test("what is written is read again: exactly, or as text where Excel could not hold it", async () => {
  await using bench = await FileBench.create();
  await bench.load("a.xlsx", "", { rows: ROWS, options: { sheet: "Daily & <more>" } });
  const { types, rows } = await bench.read("a.xlsx", { sheet: "Daily & <more>" });
  deepStrictEqual(types, [
    "i VARCHAR",
    "f VARCHAR",
    "d VARCHAR",
    "day VARCHAR",
    "moment VARCHAR",
    "t VARCHAR",
    "b BOOLEAN",
  ]);
  deepStrictEqual(rows, [
    ["123456789012345", "0.1", "12.5", "2024-12-31", "2024-12-31 23:05:09.250", '=HYPERLINK("x")', true],
    [
      "1234567890123456",
      "nan",
      "123456789012345678.25",
      "1899-01-01",
      "2024-01-01 00:00:00.123456",
      "007",
      false,
    ],
    [null, null, null, null, null, "_x0041_ \x01\r\n<&>", null],
  ]);
});

Deno.test("more than a sheet or a cell holds is refused with its place, and nothing is changed", async () => {
  await using bench = await FileBench.create();
  await bench.load("a.xlsx", "(1, 'a')");
  await rejects(
    bench.load("a.xlsx", `(1, 'a'), (2, '${"x".repeat(32_768)}')`),
    /column "name" has 32768 characters in row 2, and an Excel cell 32767/,
  );
  const many = {
    ...ROWS,
    select: "SELECT i AS id, NULL::VARCHAR AS name FROM range(1048576) r(i)",
    schema: new Schema([new Field("id", new Int64(), true), new Field("name", new Utf8(), true)]),
  };
  await rejects(bench.load("a.xlsx", "", { rows: many }), /more rows than the 1048576 of an Excel sheet/);
  deepStrictEqual((await bench.read("a.xlsx")).rows, [[1, "a"]]);
  await rejects(bench.load("a.xlsx", "(1, 'a')", { mode: "merge", primaryKey: ["id"] }), /cannot be merged/);
  await bench.load("out/", "(1, 'a')", { mode: "append", options: { format: "xlsx" } });
  await bench.load("out/", "(2, 'b')", { mode: "append", options: { format: "xlsx" } });
  deepStrictEqual((await bench.read("out/*.xlsx", {}, "SELECT * FROM t ORDER BY id")).rows, [[1, "a"], [
    2,
    "b",
  ]]);
  ok((await bench.files()).every((name) => !name.startsWith(".scratch/")));
});
