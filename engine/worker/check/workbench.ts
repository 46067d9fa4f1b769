import type { CheckSubject, DefinitionFault } from "../../../contract/jobs/check_job.ts";
import type { JobBase } from "../../../contract/jobs/job_base.ts";
import { CompileMemory } from "../../../sql/compile/compile_memory.ts";
import { modelsMemory } from "../../../sql/language/files/read_models.ts";
import type { Fault } from "../../../text/fault.ts";
import { Memo } from "../../../text/memo.ts";
import { type Database, openDatabase } from "../../duckdb/database.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { databaseLimits } from "../database_limits.ts";
import { declareFunctions } from "../functions/script_functions.ts";
import type { CheckMemory } from "./check_models.ts";

/** Tables without rows of one pipeline, and what is known of the SQL that was bound against them. */
export interface Workbench extends AsyncDisposable {
  readonly database: Database;
  readonly session: DuckSession;
  readonly beside: DuckSession;
  readonly memory: CheckMemory;
  readonly functionFaults: readonly DefinitionFault[];
}

type Settled = Pick<CheckSubject, "definition" | "mutedParams">;

/** What cannot change of a pipeline without another workbench. */
export function workbenchSetting({ definition: { params, functions = {} }, mutedParams }: Settled): string {
  return JSON.stringify([params, functions, mutedParams]);
}

/** For versions of the subject with the same `workbenchSetting`. The signal's abort interrupts its sessions. */
export async function openWorkbench(
  { tempDir, duckdb }: Pick<JobBase, "tempDir" | "duckdb">,
  { definition: { functions = {} } }: Settled,
  signal?: AbortSignal,
): Promise<Workbench> {
  const database = await openDatabase({
    path: ":memory:",
    tempDirectory: tempDir,
    ...databaseLimits({ ...duckdb, directories: [], files: [] }),
    ...(signal === undefined ? {} : { signal }),
  });
  const session = await database.session();
  if (signal !== undefined) session.interruptOn(signal);
  const functionFaults = await declareFunctions(session, functions);
  const beside = await session.fork();
  if (signal !== undefined) beside.interruptOn(signal);
  const memory = {
    compiled: new CompileMemory(session),
    read: modelsMemory(),
    seeds: new Memo<readonly Fault[]>(),
  };
  return {
    database,
    session,
    beside,
    memory,
    functionFaults,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
