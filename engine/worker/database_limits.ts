import { join } from "node:path";
import type { DuckDbGrant } from "../../contract/jobs/job_base.ts";
import type { DatabaseOptions } from "../duckdb/database.ts";

/** Where a job's connectors put what DuckDB is to read. `tempDir` is the job's own folder. */
export const scratchOf = (tempDir: string): string => join(tempDir, "scratch");

/** A job's grant as `openDatabase` takes it; `scratch` are folders of the job's own. */
export function databaseLimits(
  { directories, files, memoryLimit, spillLimit }: DuckDbGrant,
  ...scratch: readonly string[]
): Pick<DatabaseOptions, "allowedDirectories" | "allowedPaths" | "memoryLimit" | "spillLimit"> {
  return {
    allowedDirectories: [...directories, ...scratch],
    allowedPaths: files,
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
    ...(spillLimit === undefined ? {} : { spillLimit }),
  };
}
