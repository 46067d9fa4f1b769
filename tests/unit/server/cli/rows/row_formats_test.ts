import { equal, throws } from "node:assert/strict";
import {
  cellsOf,
  formatRows,
  readRowFormat,
  type RowFormat,
} from "../../../../../server/cli/rows/row_formats.ts";
import { rowTable } from "../../../../../server/cli/rows/row_table.ts";

const COLUMNS = [{ name: "n", type: "BIGINT" }, { name: "te|xt", type: "VARCHAR" }];
const PIPE = { isScreen: false, tableColumns: () => Infinity };
const SCREEN = { isScreen: true, tableColumns: () => 80 };

Deno.test("formatRows() shows no value so that it steers a terminal", () => {
  const nasty = "a\u001b[31m\u0007\r\n\u202eb\u009b2J\u007f";
  const rows = [["1", nasty], [null, null], ["2", ""]];
  const shown = (format: RowFormat, terminal = SCREEN) =>
    formatRows(format, { columns: COLUMNS, rows }, terminal);
  for (const format of ["table", "csv", "markdown"] as const) {
    // deno-lint-ignore no-control-regex -- control characters are what it looks for
    equal(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/.test(shown(format)), false, format);
  }
  equal(shown("table").split("\n")[1], "   1  a␛[31m␇␍␊\\u202eb\\u009b2J␡");
  equal(shown("table").split("\n")[2], "NULL  NULL");
  equal(shown("csv", PIPE), `n,te|xt\n1,"${nasty}"\n,\n2,""`, "a program gets each as it is");
  equal(shown("markdown").split("\n")[0], "| n | te\\|xt |");
  const json = formatRows("ndjson", {
    columns: COLUMNS,
    rows: [['"9007199254740993"', JSON.stringify(nasty)]],
  }, SCREEN);
  equal(json, '{"n":"9007199254740993","te|xt":"a\\u001b[31m\\u0007\\r\\n\\u202eb\\u009b2J\\u007f"}');
  equal(JSON.parse(json)["te|xt"], nasty, "and JSON has it whole");
});

Deno.test("formatRows() has what is empty, and formats say how they want values", () => {
  const none = { columns: COLUMNS, rows: [] };
  equal(formatRows("json", none, PIPE), "[]");
  equal(formatRows("ndjson", none, PIPE), "");
  equal(formatRows("csv", none, PIPE), "n,te|xt");
  equal(formatRows("table", none, PIPE), "n  te|xt");
  equal(
    [cellsOf("table"), cellsOf("markdown"), cellsOf("csv"), cellsOf("json")].join(),
    "shown,shown,text,json",
  );
  equal(formatRows("record", none, PIPE), "");
  equal(
    formatRows("record", { columns: COLUMNS, rows: [["1", "a\u001b\nb"], [null, "é"]] }, SCREEN),
    "-- 1 --\nn     | 1\nte|xt | a␛␊b\n-- 2 --\nn     | NULL\nte|xt | é",
  );
  throws(
    () => readRowFormat("xml"),
    /--format is "xml", expected table, json, ndjson, csv, markdown or record/,
  );
});

Deno.test("rowTable() cuts long values, and leaves out columns that there is no room for, by name", () => {
  const columns = ["id", "long", "other", "last"].map((name) => ({ name, type: "VARCHAR" }));
  const rows = [["1", "x".repeat(100), "o".repeat(30), "l"]];
  const text = rowTable({ columns, rows }, 80);
  equal(text.split("\n")[1], `1   ${"x".repeat(59)}…`);
  equal(text.split("\n").at(-1), "2 more columns: other, last");
  equal(rowTable({ columns, rows }, 10).split("\n").at(-1), "3 more columns: long, other, last");
  equal(rowTable({ columns, rows }, Infinity).includes("more column"), false);
});
