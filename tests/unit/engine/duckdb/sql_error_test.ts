import { strictEqual } from "node:assert/strict";
import { IS_RETRYABLE } from "../../../../contract/errors.ts";
import { toSqlError } from "../../../../engine/duckdb/sql_error.ts";

const codeOf = (type: string, message: string) =>
  toSqlError(new Error(JSON.stringify({ exception_type: type, exception_message: message })), "SELECT 1")
    .code;

Deno.test("toSqlError() takes for passing what a system's call met, and nothing that a format cannot hold", () => {
  for (
    const message of [
      'Could not write file "out/x.parquet": No space left on device',
      'Could not set lock on file "/x/w.duckdb": Conflicting lock is held in PID 7',
      'Cannot open file "/x/y.csv": Too many open files',
      'Could not read from file "/x/y": Input/output error',
    ]
  ) {
    strictEqual(codeOf("IO", message), "unavailable", message);
  }
  for (
    const message of [
      "Parquet files do not support negative intervals",
      "Can only write values of type X",
      "Trying to read past the end of a file that has another form",
    ]
  ) {
    strictEqual(codeOf("IO", message), "invalid", message);
  }
  strictEqual(codeOf("IO", 'No files found that match the pattern "x.csv"'), "not_found");
});

Deno.test("toSqlError() has only `unavailable` and `internal` for what is tried again", () => {
  for (
    const type of [
      "Binder",
      "Conversion",
      "Constraint",
      "Settings",
      "Missing Extension",
      "Index",
      "Out of Memory",
    ]
  ) {
    strictEqual(IS_RETRYABLE[codeOf(type, "no")], false, type);
  }
  for (const type of ["HTTP", "Something New"]) {
    strictEqual(IS_RETRYABLE[codeOf(type, "no")], true, type);
  }
});
