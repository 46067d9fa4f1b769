import { deepEqual, throws } from "node:assert/strict";
import { CsvError, parseCsv } from "../../../text/csv.ts";

Deno.test("parseCsv() reads quotes, line breaks in them, and tells an empty field from an empty text", () => {
  deepEqual(parseCsv('\uFEFFa,b,c\r\n1,"x, ""y""\nz",\r\n\r\n"",,q"q\n,\n'), [
    { line: 1, fields: ["a", "b", "c"] },
    { line: 2, fields: ["1", 'x, "y"\nz', null] },
    { line: 5, fields: ["", null, 'q"q'] },
    { line: 6, fields: [null, null] },
  ]);
  deepEqual(parseCsv(""), []);
  deepEqual(parseCsv('""'), [{ line: 1, fields: [""] }]);
});

Deno.test("parseCsv() names the line of a quote that is not closed, or that something follows", () => {
  for (const [text, line] of [['a\n"b', 2], ['a\n"b\nc\n', 2], ['"a"b', 1], ['a\n"x\ny"z', 3]] as const) {
    throws(() => parseCsv(text), (error) => error instanceof CsvError && error.line === line, text);
  }
});
