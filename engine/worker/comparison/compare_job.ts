import { toAppError } from "../../../contract/errors.ts";
import type { ComparedModel, CompareJob } from "../../../contract/jobs/compare_job.ts";
import { NO_TABLE_DIFF, type TableDiff } from "../../../contract/plan/table_diff.ts";
import { nameKey, quoteIdentifier } from "../../../contract/sql.ts";
import { type Database, openDatabase } from "../../duckdb/database.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { prepareWarehouse } from "../../warehouse/warehouse.ts";
import { databaseLimits } from "../database_limits.ts";
import type { JobContext } from "../job_context.ts";
import { buildSide, type BuiltSide } from "./build_side.ts";
import { compareTables } from "./compare_tables.ts";

const RUN = "plan";

/** Where what the old version makes is kept while the new one is built: no model has such a name. */
const keptName = (index: number) => `_sluice before ${index}`;
const newName = (index: number) => `_sluice after ${index}`;
const inMain = (name: string) => `main.${quoteIdentifier(name)}`;

/**
 * Builds two versions of models from the same raw tables, in a copy of a warehouse that is nobody else's, and reports of each
 * model what differs. One that cannot be built keeps nothing from the others but those that read it.
 */
export async function compareJob(job: CompareJob, { reporter, signal }: JobContext): Promise<void> {
  await using database = await openDatabase({
    path: job.warehousePath,
    key: job.warehouseKey,
    tempDirectory: job.tempDir,
    ...databaseLimits(job.duckdb),
    signal,
  });
  // The file goes with this process, however that ends; its blocks are there for as long as it is open.
  if (Deno.build.os !== "windows") await Deno.remove(job.warehousePath);
  const { before, kept } = await buildBefore(database, job, signal);
  await using session = await database.session();
  using _interrupt = session.interruptOn(signal);
  const after = await buildSide(session, { ...job, runId: RUN }, job.after, signal);
  for (const [index, model] of job.models.entries()) {
    signal.throwIfAborted();
    const versions = { model, index, before, kept: kept.get(index), after };
    reporter.send({ type: "compared", model: model.after, diff: await compareModel(session, job, versions) });
  }
}

/** In a session of its own: what is temporary in the old version goes with it. */
async function buildBefore(
  database: Database,
  job: CompareJob,
  signal: AbortSignal,
): Promise<{ readonly before: BuiltSide; readonly kept: ReadonlyMap<number, string | Error> }> {
  await using session = await database.session();
  using _interrupt = session.interruptOn(signal);
  await prepareWarehouse(session);
  const before = await buildSide(session, { ...job, runId: RUN }, job.before, signal);
  return { before, kept: await keepBefore(session, job, before) };
}

/** Puts what was built out of the way of the new version; of what is no table the rows that it shows. */
async function keepBefore(
  session: DuckSession,
  job: CompareJob,
  { built }: BuiltSide,
): Promise<ReadonlyMap<number, string | Error>> {
  const kept = new Map<number, string | Error>();
  const indexes = new Map(
    job.models.flatMap(({ before }, index) => before === null ? [] : [[nameKey(before), index] as const]),
  );
  // While all that they read is there.
  for (const [name, kind] of built) {
    const index = indexes.get(name);
    if (kind === "table" || index === undefined) continue;
    try {
      const relation = kind === "view" ? inMain(name) : quoteIdentifier(name);
      await session.run(`CREATE TABLE ${inMain(keptName(index))} AS SELECT * FROM ${relation}`);
      kept.set(index, inMain(keptName(index)));
    } catch (error) {
      kept.set(index, toAppError(error));
    }
  }
  for (const [name, kind] of built) {
    const index = indexes.get(name);
    if (kind === "view") await session.run(`DROP VIEW ${inMain(name)}`);
    if (kind !== "table") continue;
    if (index === undefined) {
      await session.run(`DROP TABLE ${inMain(name)}`);
      continue;
    }
    await session.run(`ALTER TABLE ${inMain(name)} RENAME TO ${quoteIdentifier(keptName(index))}`);
    kept.set(index, inMain(keptName(index)));
  }
  return kept;
}

interface Versions {
  readonly model: ComparedModel;
  readonly index: number;
  readonly before: BuiltSide;
  /** The table of the old version, or why there is none. */
  readonly kept: string | Error | undefined;
  readonly after: BuiltSide;
}

async function compareModel(
  session: DuckSession,
  job: CompareJob,
  { model, index, before, kept, after }: Versions,
): Promise<TableDiff> {
  const failed = (error: string, counts: Partial<TableDiff> = {}): TableDiff => ({
    ...NO_TABLE_DIFF,
    ...counts,
    error,
  });
  try {
    const failedAfter = after.failures.get(nameKey(model.after));
    if (failedAfter !== undefined) return failed(failedAfter);
    const table = await settled(session, after, model.after, index);
    const [row] = await session.rows(`SELECT count(*) AS n FROM ${table}`);
    const rows_after = Number(row?.["n"] ?? 0);
    if (model.before === null) return { ...NO_TABLE_DIFF, rows_after };
    if (typeof kept !== "string") {
      const why = before.failures.get(nameKey(model.before)) ?? kept?.message ?? "it was not built";
      return failed(`as it was: ${why}`, { rows_after });
    }
    return await compareTables(session, {
      before: kept,
      after: table,
      keys: model.keys,
      samplePercent: job.samplePercent,
      showsRows: job.showsRows,
    });
  } catch (error) {
    return failed(toAppError(error).message);
  }
}

/** What is no table is computed once, and not by each question. */
async function settled(
  session: DuckSession,
  { built }: BuiltSide,
  name: string,
  index: number,
): Promise<string> {
  const kind = built.get(nameKey(name)) ?? "table";
  if (kind === "table") return inMain(name);
  const relation = kind === "view" ? inMain(name) : quoteIdentifier(name);
  await session.run(`CREATE TABLE ${inMain(newName(index))} AS SELECT * FROM ${relation}`);
  return inMain(newName(index));
}
