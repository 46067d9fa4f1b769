import type { EnvironmentJob } from "../../../contract/jobs/environments/environment_job.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { openDatabase } from "../../duckdb/database.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { sampleFile } from "../../duckdb/attach/sample_file.ts";
import { beginEnvironment, KEPT_WITH_SAMPLE } from "../../warehouse/begin_environment.ts";
import { prepareWarehouse } from "../../warehouse/warehouse.ts";
import { databaseLimits } from "../database_limits.ts";
import type { JobContext } from "../job_context.ts";

/** Makes a copy of a warehouse one that an environment begins with; all of it is in one file when this returns. */
export async function environmentJob(job: EnvironmentJob, context: JobContext): Promise<void> {
  const { copyPath, warehousePath, warehouseKey: key, sample, tempDir: tempDirectory } = job;
  if (sample !== null) {
    for (const path of [copyPath, warehousePath]) {
      await withWarehouse({ ...job, warehousePath: path }, context.signal, () => Promise.resolve());
    }
    const kept = KEPT_WITH_SAMPLE;
    await sampleFile({ path: copyPath, targetPath: warehousePath, key, tempDirectory, sample, kept });
    context.signal.throwIfAborted();
  }
  const counted = await withWarehouse(job, context.signal, async (session) => {
    await beginEnvironment(session, job.forgottenStreams);
    const tables = await session.rows(
      "SELECT table_name AS name FROM duckdb_tables() WHERE schema_name = 'raw' AND NOT internal",
    );
    let rows = 0;
    for (const { name } of tables) {
      const [row] = await session.rows(`SELECT count(*) AS n FROM raw.${quoteIdentifier(String(name))}`);
      rows += Number(row?.["n"] ?? 0);
    }
    await session.run("CHECKPOINT");
    return { tables: tables.length, rows };
  });
  context.reporter.send({ type: "begun", ...counted });
}

async function withWarehouse<T>(
  { warehousePath, warehouseKey, tempDir, duckdb }: EnvironmentJob,
  signal: AbortSignal,
  work: (session: DuckSession) => Promise<T>,
): Promise<T> {
  await using database = await openDatabase({
    path: warehousePath,
    key: warehouseKey,
    tempDirectory: tempDir,
    ...databaseLimits(duckdb),
    signal,
  });
  await using session = await database.session();
  using _interrupt = session.interruptOn(signal);
  await prepareWarehouse(session);
  return await work(session);
}
