import { match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { IS_RETRYABLE } from "../../../../contract/errors.ts";
import { SqlError } from "../../../../contract/sql.ts";
import { toSqlError } from "../../../../engine/duckdb/sql_error.ts";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import { tempFolder } from "./fixtures.ts";

/** What DuckDB refuses under its own limits. */
async function failureOf(sql: string): Promise<SqlError> {
  await using folder = await tempFolder();
  await using database = await openDatabase({
    path: join(folder.path, "a.duckdb"),
    allowedDirectories: [],
    memoryLimit: "40MB",
    threads: 1,
    tempDirectory: join(folder.path, "spill"),
  });
  await using session = await database.session();
  try {
    await session.run(sql);
  } catch (error) {
    ok(error instanceof SqlError, String(error));
    return error;
  }
  throw new Error("expected it to fail");
}

Deno.test("out of memory says which limit and what to do, and is not worth another attempt", async () => {
  const failure = await failureOf("SELECT list(range) FROM range(40000000) GROUP BY range % 2");
  match(
    failure.message,
    /^it needs more memory than the run may take \(38\.1 MiB\): raise resources\.memory/,
  );
  strictEqual(failure.reason, "out_of_memory");
  match(failure.detail ?? "", /failed to allocate/);
  strictEqual(IS_RETRYABLE[failure.code], false);
});

Deno.test("a spill over its limit says so, and is not worth another attempt", () => {
  const failure = toSqlError(
    new Error(
      "Out of Memory Error: failed to offload data block of size 256.0 KiB (976.5 KiB/976.5 KiB used).\n" +
        "This limit was set by the 'max_temp_directory_size' setting.",
    ),
    "SELECT 1",
  );
  match(
    failure.message,
    /^it needs more room on the disk than a run may spill \(976\.5 KiB\): raise spill_max/,
  );
  strictEqual(failure.reason, "out_of_memory");
  strictEqual(IS_RETRYABLE[failure.code], false);
});
