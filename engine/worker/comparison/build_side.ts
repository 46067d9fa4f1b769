import { toAppError } from "../../../contract/errors.ts";
import type { ComparedSide } from "../../../contract/jobs/compare_job.ts";
import { mayCall } from "../../../contract/pipeline/functions.ts";
import { nameKey, type SqlSession } from "../../../contract/sql.ts";
import { declareEphemerals } from "../../../sql/build/ephemeral.ts";
import { declareMacros } from "../../../sql/build/macros.ts";
import { materialize, relationKind } from "../../../sql/build/materialize.ts";
import { gathersRows } from "../../../sql/build/model_change.ts";
import { setRunVariables } from "../../../sql/build/variables.ts";
import { readModels } from "../../../sql/language/files/read_models.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import { analyzeGraph } from "../../../sql/language/graph/analyze_graph.ts";
import type { Model } from "../../../sql/language/model.ts";
import { formatFault } from "../../../text/fault.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { keepMacros } from "../../warehouse/models/kept_macros.ts";
import { Ephemerals } from "../models/ephemerals.ts";
import { readSeed } from "../models/seeds/read_seed.ts";

/** What came of the models of one version; names as nameKey has them. */
export interface BuiltSide {
  /** Those that are there now; an ephemeral one is a temporary view of the session. */
  readonly built: ReadonlyMap<string, "table" | "view" | "ephemeral">;
  /** Why the others are not. */
  readonly failures: ReadonlyMap<string, string>;
}

/** What the models are built for. */
export interface BuiltFor {
  readonly pipeline: string;
  /** What `getvariable('run_id')` is. */
  readonly runId: string;
  /** Epoch milliseconds. */
  readonly runStartMs: number;
}

/**
 * Builds models of one version from nothing, as a full refresh does, with what they read and no run has built yet. Each is a
 * transaction of its own. What is temporary stays in the session.
 */
export async function buildSide(
  session: DuckSession,
  job: BuiltFor,
  side: ComparedSide,
  signal: AbortSignal,
): Promise<BuiltSide> {
  const { models, disabled, unreadable, macros, faults } = readModels(side.files, readSeed);
  const raw = (await tablesOf(session, "raw")).map(({ name }) => name);
  const streams = [...new Set([...side.streams, ...raw])];
  const analysis = await analyzeGraph(session, { models, streams, unreadable, disabled, macros });
  const byNode = new Map(models.map((model) => [`model:${model.name}`, model]));
  const built = new Map<string, "table" | "view" | "ephemeral">();
  const failures = new Map<string, string>();
  for (const name of side.build) {
    if (byNode.has(`model:${name}`)) continue;
    const fault = faults.find(({ file }) => file.endsWith(`/${name}.sql`) || file.endsWith(`/${name}.csv`));
    failures.set(nameKey(name), fault === undefined ? "its file has faults" : formatFault(fault));
  }
  await setRunVariables(session, {
    runId: job.runId,
    pipeline: job.pipeline,
    runStart: new Date(job.runStartMs),
    windowStart: null,
    windowEnd: new Date(job.runStartMs),
    definitions: side.definition.params,
    params: side.params,
  });
  const builder = new ModelBuilder(session, job, analysis.graph, new Ephemerals(models, analysis.graph));
  for (const node of await nodesToBuild(session, side, analysis.graph, byNode)) {
    signal.throwIfAborted();
    const model = byNode.get(node);
    if (model === undefined) continue;
    const key = nameKey(model.name);
    const missing = (analysis.graph.nodes.get(node)?.depends ?? []).map((other) =>
      other.slice("model:".length)
    )
      .find((other) => failures.has(nameKey(other)));
    try {
      if (missing !== undefined) throw new Error(`it reads ${missing}, which could not be built`);
      const fault = analysis.faults.find((one) => "file" in one && one.file === model.path);
      if (analysis.broken.has(model.name)) {
        throw new Error(fault !== undefined && "file" in fault ? formatFault(fault) : "its SQL has faults");
      }
      requireNoFunction(side, model);
      built.set(key, await builder.build(model, node));
    } catch (error) {
      signal.throwIfAborted();
      failures.set(key, toAppError(error).message);
    }
  }
  return { built, failures };
}

class ModelBuilder {
  readonly #session: DuckSession;
  readonly #job: BuiltFor;
  readonly #graph: Graph;
  readonly #ephemerals: Ephemerals;

  constructor(session: DuckSession, job: BuiltFor, graph: Graph, ephemerals: Ephemerals) {
    this.#session = session;
    this.#job = job;
    this.#graph = graph;
    this.#ephemerals = ephemerals;
  }

  async build(model: Model, node: string): Promise<"table" | "view" | "ephemeral"> {
    const session = this.#session;
    for (const read of this.#ephemerals.behind(model)) {
      await declareMacros(session, this.#ephemerals.macrosOf(read));
      await declareEphemerals(session, [read]);
    }
    await declareMacros(session, this.#graph.macros.get(node) ?? []);
    await session.transaction(async () => {
      if (model.materialized === "view") {
        await keepMacros(session, this.#ephemerals.macrosOf(model), this.#job.runId);
      }
      await materialize(session, model, {
        fullRefresh: true,
        ephemerals: this.#ephemerals.behind(model),
        ...(gathersRows(model) ? { window: { startMs: null, endMs: this.#job.runStartMs } } : {}),
      });
    });
    if (model.materialized === "ephemeral") return "ephemeral";
    return await relationKind(session, model.name) ?? "table";
  }
}

/** What is asked for, and what that reads and is not there yet, in the order of building. */
async function nodesToBuild(
  session: DuckSession,
  { build }: ComparedSide,
  graph: Graph,
  models: ReadonlyMap<string, Model>,
): Promise<readonly string[]> {
  const there = new Set((await tablesOf(session, "main")).map(({ name }) => nameKey(name)));
  const needed = new Set(build.map((name) => `model:${name}`));
  for (const node of graph.order.toReversed()) {
    if (!needed.has(node)) continue;
    for (const other of graph.nodes.get(node)?.depends ?? []) {
      const model = models.get(other);
      if (model === undefined) continue;
      // One that is no table is made known by who reads it, and may read one that is not there.
      if (model.materialized === "ephemeral" || !there.has(nameKey(model.name))) needed.add(other);
    }
  }
  return graph.order.filter((node) => needed.has(node));
}

export async function tablesOf(
  session: SqlSession,
  schema: "raw" | "main",
): Promise<readonly { readonly name: string }[]> {
  const rows = await session.rows(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_catalog = current_database() AND table_schema = $1`,
    [schema],
  );
  return rows.map(({ name }) => ({ name: String(name) }));
}

/** Scripts are for runs alone: what a model would make by one is not known. */
export function requireNoFunction({ definition }: Pick<ComparedSide, "definition">, { sql }: Model): void {
  const called = Object.keys(definition.functions ?? {}).find((name) => mayCall(sql, name));
  if (called === undefined) return;
  throw new Error(`it calls the script ${called}, and only a run calls scripts`);
}
