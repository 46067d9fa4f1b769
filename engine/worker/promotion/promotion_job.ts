import type { PromotedModel } from "../../../contract/environments/promotion.ts";
import type { PromotionJob } from "../../../contract/jobs/environments/promotion_job.ts";
import { childTablesOf } from "../../../contract/pipeline/child_tables.ts";
import { setRunVariables } from "../../../sql/build/variables.ts";
import { requireModels } from "../../../sql/language/files/read_models.ts";
import { analyzeGraph } from "../../../sql/language/graph/analyze_graph.ts";
import { openDatabase } from "../../duckdb/database.ts";
import { prepareWarehouse } from "../../warehouse/warehouse.ts";
import { databaseLimits } from "../database_limits.ts";
import type { JobContext } from "../job_context.ts";
import { lookBack } from "../models/earlier_runs.ts";
import { readSeed } from "../models/seeds/read_seed.ts";
import { planRun } from "../plan.ts";
import { attachedOf } from "./built_there.ts";
import { decide, type Decision } from "./decide.ts";

/** No run has such an id. */
const RUN = "promotion";

/** Reports what a promotion would take over, and why it would not take the rest. */
export async function promotionJob(job: PromotionJob, { reporter, signal }: JobContext): Promise<void> {
  await using database = await openDatabase({
    path: job.warehousePath,
    key: job.warehouseKey,
    tempDirectory: job.tempDir,
    attached: [attachedOf(job.promotes)],
    ...databaseLimits(job.duckdb),
    signal,
  });
  await using session = await database.session();
  using _interrupt = session.interruptOn(signal);
  await prepareWarehouse(session);
  const { definition, params, runStartMs, promotes: { environment } } = job;
  await setRunVariables(session, {
    runId: RUN,
    pipeline: job.pipeline,
    runStart: new Date(runStartMs),
    windowStart: null,
    windowEnd: new Date(runStartMs),
    definitions: definition.params,
    params,
  });
  const { models, disabled, macros } = requireModels(job.files, readSeed);
  // A wildcard's tables have other names than it.
  const raw = await session.rows(
    `SELECT table_name AS name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'raw'`,
  );
  const written = Object.entries(definition.extract).flatMap(([name, stream]) => [
    name,
    ...childTablesOf(name, stream).map(({ table }) => table),
  ]);
  const streams = [...new Set([...written, ...raw.map(({ name }) => String(name))])];
  const { graph } = await analyzeGraph(session, { models, streams, disabled, macros });
  const plan = planRun(definition, models, graph);
  const earlier = await lookBack(session, {
    runId: RUN,
    definition,
    params,
    windowStartMs: null,
    windowEndMs: runStartMs,
    isWindowGiven: false,
    fullRefresh: false,
  }, { plan, graph, committed: new Map() });
  const decisions = await decide(session, { job: { definition, environment }, plan, graph, earlier });
  reporter.send({ type: "promotion", models: decisions.flatMap(shownOf) });
}

/** An ephemeral model has no table that could be taken or built. */
function shownOf(decision: Decision): PromotedModel[] {
  const { planned: { model: { name, materialized } }, outcome } = decision;
  if (materialized === "ephemeral") return [];
  return outcome === "taken"
    ? [{ model: name, outcome, reason: null, rows: decision.rows }]
    : [{ model: name, outcome, reason: decision.reason, rows: null }];
}
