import type { DuckDbGrant } from "../../contract/job.ts";
import type { DatabaseOptions } from "../duckdb/database.ts";

/** A job's grant as `openDatabase` takes it. */
export function databaseLimits(
  { directories, files, memoryLimit, spillLimit }: DuckDbGrant,
): Pick<DatabaseOptions, "allowedDirectories" | "allowedPaths" | "memoryLimit" | "spillLimit"> {
  return {
    allowedDirectories: directories,
    allowedPaths: files,
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
    ...(spillLimit === undefined ? {} : { spillLimit }),
  };
}
