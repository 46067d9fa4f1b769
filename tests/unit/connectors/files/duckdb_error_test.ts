import { strictEqual } from "node:assert/strict";
import { isOutside } from "../../../../connectors/files/duckdb_error.ts";
import { AppError } from "../../../../contract/errors.ts";
import { toSqlError } from "../../../../engine/duckdb/sql_error.ts";

Deno.test("isOutside() knows what says nothing about the data, and that a limit of memory was met", () => {
  const of = (text: string) => isOutside(toSqlError(new Error(text), "SELECT 1"));
  strictEqual(
    of("Out of Memory Error: failed to allocate data of size 16.0 MiB (35.1 MiB/38.1 MiB used)"),
    true,
  );
  strictEqual(of("INTERRUPT Error: Interrupted!"), true);
  strictEqual(of("Conversion Error: Could not convert string 'x' to INT32"), false);
  strictEqual(of("Invalid Input Error: CSV Error on Line: 2"), false);
  strictEqual(isOutside(new AppError("timeout", "It took too long")), true);
  strictEqual(isOutside(new Error("any")), false);
});
