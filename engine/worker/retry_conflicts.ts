import { SqlError } from "../../contract/sql.ts";
import type { Reporter } from "./reporter.ts";

/** Two steps may meet in DuckDB's catalogue; the one that loses begins again. */
const CONFLICT_TRIES = 5;

/** Does the work of a step again where DuckDB says that another transaction came between. */
export async function retryConflicts<T>(
  reporter: Reporter,
  step: string,
  work: () => Promise<T>,
): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || tries === CONFLICT_TRIES) throw error;
      reporter.log("debug", step, `Begins again after a conflict with another step: ${error.message}`);
    }
  }
}

function isConflict(error: unknown): error is SqlError {
  return error instanceof SqlError && error.code === "conflict";
}
