import { AppError } from "../../../contract/errors.ts";
import type { PreviewJob } from "../../../contract/jobs/preview_job.ts";
import { isSameName, nameKey } from "../../../contract/sql.ts";
import { declareCursor } from "../../../sql/build/cursor.ts";
import { declareEphemerals } from "../../../sql/build/ephemeral.ts";
import { declareMacros } from "../../../sql/build/macros.ts";
import { isByWindow } from "../../../sql/build/batches.ts";
import { setRunVariables, setWindow } from "../../../sql/build/variables.ts";
import { toModelError } from "../../../sql/language/explain_error.ts";
import { readModels } from "../../../sql/language/files/read_models.ts";
import { analyzeGraph, type GraphAnalysis } from "../../../sql/language/graph/analyze_graph.ts";
import { type Model, modelTable } from "../../../sql/language/model.ts";
import { didYouMeanOneOf, listWords } from "../../../text/suggest.ts";
import { formatFault } from "../../../text/fault.ts";
import { type Database, openDatabase } from "../../duckdb/database.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { prepareWarehouse } from "../../warehouse/warehouse.ts";
import { buildSide, requireNoFunction, tablesOf } from "../comparison/build_side.ts";
import { databaseLimits } from "../database_limits.ts";
import type { JobContext } from "../job_context.ts";
import { Ephemerals } from "../models/ephemerals.ts";
import { readSeed } from "../models/seeds/read_seed.ts";
import { outdatedModels } from "./outdated_models.ts";
import { queryRows } from "./query_rows.ts";

const RUN = "preview";

/**
 * Shows the rows that a model's SELECT has over what is in the copy. What stands behind it and is not as its SQL would make it
 * now is built first, in a copy of the copy; the model itself never is, but where it reads itself and there is nothing yet.
 */
export async function previewJob(job: PreviewJob, { reporter, signal }: JobContext): Promise<void> {
  const read = readModels(job.side.files, readSeed);
  const model = requireModel(job, read);
  const looked = job.copy === undefined
    ? undefined
    : await withSession(await openCopy(job, job.copy.path, true, signal), signal, async (session) => {
      const found = await look(session, job, read, model);
      return { found, rows: found.build.length > 0 ? undefined : await showRows(session, job, found, model) };
    });
  if (looked?.rows !== undefined) {
    reporter.send({ type: "previewed", preview: { ...looked.rows, built: [] } });
    return;
  }
  if (job.copy !== undefined) await copyAgain(job.copy.path, job.warehousePath);
  const preview = await withSession(
    await openCopy(job, job.warehousePath, false, signal),
    signal,
    async (session) => {
      if (job.copy === undefined) await session.run("CREATE SCHEMA IF NOT EXISTS raw");
      await prepareWarehouse(session);
      const found = looked?.found ?? await look(session, job, read, model);
      const build = found.build.map(({ name }) => name);
      const built = await buildSide(session, { ...job, runId: RUN }, { ...job.side, build }, signal);
      for (const [name, message] of built.failures) {
        const what = message.replace(/^Cannot build the model [^:]+: /, "");
        throw new AppError("invalid", `Cannot preview ${model.name}: ${name} cannot be built: ${what}`);
      }
      return { ...await showRows(session, job, found, model), built: build };
    },
  );
  reporter.send({ type: "previewed", preview });
}

type Read = ReturnType<typeof readModels>;

function requireModel({ model: name, pipeline }: PreviewJob, read: Read): Model {
  const { models, disabled, unreadable, faults } = read;
  const model = models.find((one) => isSameName(one.name, name));
  if (model !== undefined) return model;
  if (unreadable.some((one) => isSameName(one, name))) {
    const fault = faults.find(({ file, severity }) =>
      severity === "error" && /([^/]+)\.[a-z]+$/.exec(file)?.[1]?.toLowerCase() === name.toLowerCase()
    ) ?? faults.find(({ severity }) =>
      severity === "error"
    );
    throw new AppError(
      "invalid",
      `Cannot preview ${name}: ${fault === undefined ? "its file has faults" : formatFault(fault)}`,
    );
  }
  const off = [...disabled].find(([one]) => isSameName(one, name));
  if (off !== undefined) throw new AppError("invalid", `Cannot preview ${name}: ${off[1]} switches it off`);
  const meant = didYouMeanOneOf(name, models.map((one) => one.name));
  throw new AppError("not_found", `Pipeline "${pipeline}" has no model "${name}"${meant}`);
}

async function withSession<T>(
  opened: Database,
  signal: AbortSignal,
  work: (session: DuckSession) => Promise<T>,
): Promise<T> {
  await using database = opened;
  await using session = await database.session();
  using _interrupt = session.interruptOn(signal);
  return await work(session);
}

function openCopy(job: PreviewJob, path: string, readOnly: boolean, signal: AbortSignal): Promise<Database> {
  return openDatabase({
    path,
    readOnly,
    key: job.copy?.key,
    tempDirectory: job.tempDir,
    ...databaseLimits(job.duckdb),
    signal,
  });
}

/** With the log beside it, where there is one. */
async function copyAgain(path: string, to: string): Promise<void> {
  await Deno.copyFile(path, to);
  await Deno.copyFile(`${path}.wal`, `${to}.wal`).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

interface Looked {
  readonly analysis: GraphAnalysis;
  /** What has to be built before. */
  readonly build: readonly Model[];
  readonly ephemerals: Ephemerals;
  /** Where the model itself is built and its table shown. */
  readonly isOfTable: boolean;
}

/** Throws invalid for what is wrong with the model or what it reads, and where rows of a stream are missing. */
async function look(session: DuckSession, job: PreviewJob, read: Read, model: Model): Promise<Looked> {
  const { models, disabled, unreadable, macros } = read;
  const raw = (await tablesOf(session, "raw")).map(({ name }) => name);
  const streams = [...new Set([...job.side.streams, ...raw])];
  const analysis = await analyzeGraph(session, { models, streams, unreadable, disabled, macros });
  const node = `model:${model.name}`;
  const byNode = new Map(models.map((one) => [`model:${one.name}`, one]));
  requireSound(job, analysis, model);
  const outdated = await outdatedModels(session, node, analysis.graph, byNode);
  const isThere = (await tablesOf(session, "main")).some(({ name }) => isSameName(name, model.name));
  const isOfTable = analysis.selfReferring.has(model.name) && !isThere;
  const build = isOfTable ? [...outdated, model] : outdated;
  requireStreams(job, analysis, [...build, model], byNode, new Set(raw.map(nameKey)));
  return { analysis, build, isOfTable, ephemerals: new Ephemerals(models, analysis.graph) };
}

function requireSound({ side }: PreviewJob, { broken, faults }: GraphAnalysis, model: Model): void {
  if (broken.has(model.name)) {
    // A cycle is told of at one of those in it.
    const fault = faults.find((one) => "file" in one && one.file === model.path) ??
      faults.find((one) => "file" in one);
    const why = fault !== undefined && "file" in fault ? formatFault(fault) : "its SQL has faults";
    throw new AppError("invalid", `Cannot preview ${model.name}: ${why}`);
  }
  try {
    requireNoFunction(side, model);
  } catch (error) {
    throw new AppError(
      "invalid",
      `Cannot preview ${model.name}: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** Whether each stream has a table that one of the models, or an ephemeral one behind them, reads. */
function requireStreams(
  { pipeline }: PreviewJob,
  { graph }: GraphAnalysis,
  models: readonly Model[],
  byNode: ReadonlyMap<string, Model>,
  raw: ReadonlySet<string>,
): void {
  const missing = new Set<string>();
  const visit = (node: string): void => {
    for (const other of graph.nodes.get(node)?.depends ?? []) {
      if (byNode.get(other)?.materialized === "ephemeral") visit(other);
      const label = graph.nodes.get(other);
      if (label?.kind === "extract" && !raw.has(nameKey(label.label))) missing.add(label.label);
    }
  };
  for (const { name } of models) visit(`model:${name}`);
  if (missing.size === 0) return;
  const names = [...missing];
  throw new AppError(
    "invalid",
    `${listWords(names.map((name) => `raw.${name}`))} ${
      names.length === 1 ? "is" : "are"
    } not in the warehouse yet: read ${names.length === 1 ? "it" : "them"} first, with ` +
      `sluice run ${pipeline} --select "${names.map((name) => `raw.${name}`).join(" ")}"`,
  );
}

async function showRows(session: DuckSession, job: PreviewJob, looked: Looked, model: Model) {
  const { analysis, ephemerals, isOfTable } = looked;
  await setRunVariables(session, {
    runId: RUN,
    pipeline: job.pipeline,
    runStart: new Date(job.runStartMs),
    windowStart: null,
    windowEnd: new Date(job.windowEndMs),
    definitions: job.side.definition.params,
    params: job.side.params,
  });
  await setWindow(session, { startMs: job.windowStartMs, endMs: job.windowEndMs }, isByWindow(model));
  for (const read of ephemerals.behind(model)) {
    await declareMacros(session, ephemerals.macrosOf(read));
    await declareEphemerals(session, [read]);
  }
  await declareMacros(session, analysis.graph.macros.get(`model:${model.name}`) ?? []);
  if (isOfTable) return await queryRows(session, `SELECT * FROM ${modelTable(model.name)}`, job.wanted);
  if (model.materialized === "incremental") await declareCursor(session, model);
  try {
    return await queryRows(session, model.sql, job.wanted);
  } catch (error) {
    throw previewError(error, model);
  }
}

/** With the place in the model's file. */
function previewError(error: unknown, model: Model): unknown {
  const failure = toModelError(error, model, 0);
  const [fault] = failure instanceof AppError ? failure.faults : [];
  if (!(failure instanceof AppError) || fault === undefined) return failure;
  return new AppError(failure.code, `Cannot preview ${model.name}: ${formatFault(fault)}`, {
    faults: failure.faults,
    cause: error,
  });
}
