import { toAppError } from "../../../contract/errors.ts";
import type { ReplayJob } from "../../../contract/jobs/replay_job.ts";
import { mayCall } from "../../../contract/pipeline/functions.ts";
import { isSameRows, type TableDiff } from "../../../contract/plan/table_diff.ts";
import type { StepManifest, TableFacts } from "../../../contract/runs/manifest.ts";
import type { ModelReplay } from "../../../contract/runs/replay.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { relationKind } from "../../../sql/build/materialize.ts";
import { setRunVariables } from "../../../sql/build/variables.ts";
import { requireModels } from "../../../sql/language/files/read_models.ts";
import { analyzeGraph } from "../../../sql/language/graph/analyze_graph.ts";
import { type Model, modelTable } from "../../../sql/language/model.ts";
import { rowKeys } from "../../../sql/language/row_keys.ts";
import { openDatabase } from "../../duckdb/database.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { tableFacts } from "../../warehouse/models/table_facts.ts";
import { tableBefore } from "../../warehouse/models/tables_before.ts";
import { prepareWarehouse } from "../../warehouse/warehouse.ts";
import { compareTables } from "../comparison/compare_tables.ts";
import { databaseLimits } from "../database_limits.ts";
import type { JobContext } from "../job_context.ts";
import { programVersions } from "../models/input_facts.ts";
import { readSeed } from "../models/seeds/read_seed.ts";
import { likelyReasons } from "./likely_reasons.ts";
import { type Rebuilding, rebuildModel } from "./rebuild_model.ts";

/** What the run made of a model, while it is built once more: no model has such a name. */
const MADE = "_sluice made";

/**
 * Builds each model that a run has built once more, from the tables that the run built it from, and reports whether the rows
 * are the same. Each has its inputs as they were, whatever came of the replay of another. All of it happens in a copy that
 * is nobody else's.
 */
export async function replayJob(job: ReplayJob, { reporter, signal }: JobContext): Promise<void> {
  await using database = await openDatabase({
    path: job.warehousePath,
    key: job.warehouseKey,
    tempDirectory: job.tempDir,
    ...databaseLimits(job.duckdb),
    signal,
  });
  // The file goes with this process, however that ends; its blocks are there for as long as it is open.
  if (Deno.build.os !== "windows") await Deno.remove(job.warehousePath);
  await using session = await database.session();
  using _interrupt = session.interruptOn(signal);
  await prepareWarehouse(session);
  const { models, disabled, macros } = requireModels(job.files, readSeed);
  // A wildcard's tables have other names than it.
  const raw = await session.rows(
    `SELECT table_name AS name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'raw'`,
  );
  const streams = [...new Set([...job.streams, ...raw.map(({ name }) => String(name))])];
  const { graph } = await analyzeGraph(session, { models, streams, disabled, macros });
  await setRunVariables(session, {
    runId: job.runId,
    pipeline: job.pipeline,
    runStart: new Date(job.windowEndMs),
    windowStart: job.windowStartMs === null ? null : new Date(job.windowStartMs),
    windowEnd: new Date(job.windowEndMs),
    definitions: job.definition.params,
    params: job.params,
  });
  const byNode = new Map(models.map((model) => [`model:${model.name}`, model]));
  const replay = new Replay(session, job, {
    models,
    graph,
    runId: job.runId,
    isWindowGiven: job.isWindowGiven,
    versions: programVersions(),
  });
  for (const node of graph.order) {
    const model = byNode.get(node);
    const manifest = model === undefined ? undefined : job.models[model.name];
    if (model === undefined || manifest === undefined || model.materialized === "ephemeral") continue;
    signal.throwIfAborted();
    const found = await replay.replay(model, manifest);
    signal.throwIfAborted();
    reporter.send({ type: "replayed", replay: { model: model.name, ...found } });
  }
}

type Found = Omit<ModelReplay, "model">;

const unknown = (reason: string): Found => ({ outcome: "unknown", reason, likely: [], diff: null });

class Replay {
  readonly #session: DuckSession;
  readonly #job: ReplayJob;
  readonly #rebuilding: Rebuilding;
  /** By their tables, whether they are as a manifest says. */
  readonly #facts = new Map<string, TableFacts | undefined>();

  constructor(session: DuckSession, job: ReplayJob, rebuilding: Rebuilding) {
    this.#session = session;
    this.#job = job;
    this.#rebuilding = rebuilding;
  }

  async replay(model: Model, manifest: StepManifest): Promise<Found> {
    const called = Object.keys(this.#job.definition.functions ?? {}).find((name) => mayCall(model.sql, name));
    if (called !== undefined) return unknown(`it calls the script ${called}, and a replay runs no script`);
    const { inputs = [], output } = manifest;
    const changed = [...inputs, ...(output === undefined ? [] : [output])];
    for (const facts of changed) {
      if (!await this.#isAsThen(facts)) {
        return unknown(`${facts.table} is not as the run left it: it was changed since`);
      }
    }
    const kind = await relationKind(this.#session, model.name);
    if (kind === undefined) return unknown("what the run made of it is not there any more");
    const missing = await this.#missingBefore(model, manifest);
    if (missing !== undefined) return unknown(missing);
    return await this.#build(model, manifest, kind);
  }

  async #isAsThen(then: TableFacts): Promise<boolean> {
    if (then.hash === null) return true;
    const known = this.#facts.get(then.table);
    const now = known ??
      await tableFacts(this.#session, { relation: quotedTable(then.table), table: then.table });
    this.#facts.set(then.table, now);
    return now?.hash === then.hash;
  }

  /** Undefined where all is there that the build goes on with. */
  async #missingBefore({ name }: Model, { before }: StepManifest): Promise<string | undefined> {
    if (before === undefined) return undefined;
    const found = await tableFacts(this.#session, { relation: tableBefore(name), table: before.table });
    if (found === undefined) return "its table as it was before the run was not kept";
    if (before.hash === null || found.hash === before.hash) return undefined;
    return "its table as it was before the run is another run's by now";
  }

  async #build(model: Model, manifest: StepManifest, kind: "table" | "view"): Promise<Found> {
    const session = this.#session;
    const [own, made] = [modelTable(model.name), modelTable(MADE)];
    if (kind === "table") await session.run(`ALTER TABLE ${own} RENAME TO ${quoteIdentifier(MADE)}`);
    else await session.run(`CREATE TABLE ${made} AS SELECT * FROM ${own}`);
    try {
      if (manifest.before !== undefined) {
        await session.run(`CREATE TABLE ${own} AS SELECT * FROM ${tableBefore(model.name)}`);
      }
      await rebuildModel(session, this.#rebuilding, model, manifest);
      const diff = await this.#compare(model, made, own);
      const outcome = diff.error !== null ? "unknown" : isSameRows(diff) ? "same" : "differs";
      return {
        outcome,
        reason: diff.error,
        likely: outcome === "differs" ? this.#likely(model, manifest) : [],
        diff,
      };
    } catch (error) {
      return unknown(`it could not be built: ${toAppError(error).message}`);
    } finally {
      await this.#restore(model, kind);
    }
  }

  /** Columns that only one of the two has are a difference. */
  async #compare(model: Model, before: string, after: string): Promise<TableDiff> {
    const diff = await compareTables(this.#session, {
      before,
      after,
      keys: rowKeys(model),
      samplePercent: null,
      showsRows: true,
    });
    if (diff.columns_left_out.length === 0) return diff;
    return { ...diff, error: `it has other columns: ${diff.columns_left_out.join(", ")}` };
  }

  /** What the run made of it is what others are built from. */
  async #restore({ name }: Model, kind: "table" | "view"): Promise<void> {
    const session = this.#session;
    if (kind === "view") {
      await session.run(`DROP TABLE IF EXISTS ${modelTable(MADE)}`);
      return;
    }
    const there = await relationKind(session, name);
    if (there !== undefined) await session.run(`DROP ${there.toUpperCase()} ${modelTable(name)}`);
    await session.run(`ALTER TABLE ${modelTable(MADE)} RENAME TO ${quoteIdentifier(name)}`);
  }

  #likely({ sql }: Model, { duckdb }: StepManifest): string[] {
    const { duckdb: now } = this.#rebuilding.versions;
    return [
      ...(duckdb === now ? [] : [`the run was done by DuckDB ${duckdb}, this is ${now}`]),
      ...likelyReasons(sql),
    ];
  }
}

/** `raw.orders`, quoted. */
function quotedTable(table: string): string {
  const dot = table.indexOf(".");
  return `${table.slice(0, dot)}.${quoteIdentifier(table.slice(dot + 1))}`;
}
