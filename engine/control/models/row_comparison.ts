import { sampleParams } from "../../../connectors/pipeline_params.ts";
import { AppError } from "../../../contract/errors.ts";
import type { CheckReport } from "../../../contract/jobs/check_job.ts";
import type { ComparedModel, ComparedSide } from "../../../contract/jobs/compare_job.ts";
import { childTablesOf } from "../../../contract/pipeline/child_tables.ts";
import { isSameName } from "../../../contract/sql.ts";
import { rowKeys } from "../../../sql/language/row_keys.ts";
import { loadTargets } from "../../../contract/pipeline/load.ts";
import type { ModelChange, PipelinePlan } from "../../../contract/plan/plan.ts";
import { modelNamed, type PipelineChanges } from "../../definitions/plan/plan_pipeline.ts";
import type { CompareRows } from "../../definitions/plan/planned_pipeline.ts";
import type { PlanSide } from "../../definitions/plan/plan_side.ts";
import { compareRows, type CompareRowsContext } from "../../runs/comparisons/compare_rows.ts";
import type { PlanLimits, RowComparison } from "./port.ts";

/** A run that is under way is waited for no longer: the plan says so then. */
const WAIT_MS = 30_000;
const TIMEOUT_MS = 600_000;

/** Compares the rows of the models that change, and of those that read them. */
export function rowComparer(
  context: CompareRowsContext,
  { depth, samplePercent }: RowComparison,
  mayCompare: PlanLimits["mayCompare"],
): CompareRows {
  return async (pipeline, changes, compiled, models, signal) => {
    const left = (note: string | null) => ({
      models,
      data: { compared: false, note, duration_ms: null } satisfies PipelinePlan["data"],
    });
    if (!mayCompare(pipeline)) return left("rows were not compared, since you may not look at them");
    const { before, after } = changes;
    if (before === undefined || after === undefined) return left(null);
    const names = comparedNames(models, compiled.after, depth);
    if (names.length === 0) return left(null);
    const pairs = names.map((name) => pairOf(changes, name));
    const startedMs = context.clock.now();
    try {
      const found = await compareRows(context, {
        pipeline,
        before: sideOf(before, pairs.flatMap((pair) => pair.before ?? [])),
        after: sideOf(after, names),
        models: pairs,
        samplePercent,
        // Who may compare them may look at them.
        showsRows: true,
        waitMs: WAIT_MS,
        timeoutMs: TIMEOUT_MS,
      }, signal);
      if (found === undefined) return left("rows were not compared: the pipeline has never run");
      return {
        models: models.map((model) => ({ ...model, data: found.get(model.model) ?? null })),
        data: {
          compared: true,
          note: streamNote(changes),
          duration_ms: Math.max(0, context.clock.now() - startedMs),
        },
      };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AppError) || !["unavailable", "timeout"].includes(error.code)) throw error;
      return left(`rows were not compared. ${error.message}`);
    }
  };
}

/** What a stream that has changed will bring is in no table yet. */
function streamNote({ parts: { streams } }: PipelineChanges): string | null {
  if (streams.length === 0) return null;
  return "rows are those that were read last: what a changed stream brings shows after its next read";
}

/** Models whose rows change by themselves, and those at most so far behind them, in the order of building. */
function comparedNames(
  models: readonly ModelChange[],
  report: CheckReport | undefined,
  depth: number | null,
): string[] {
  const distances = new Map<string, number>();
  for (const { model, change, rows } of models) {
    if (rows && (change === "changed" || change === "added")) distances.set(model, 0);
  }
  for (const { kind, name, depends } of report?.steps ?? []) {
    const model = name.slice("model:".length);
    if (kind !== "model" || distances.has(model)) continue;
    const behind = depends.flatMap((other) => distances.get(other.slice("model:".length)) ?? []);
    if (behind.length > 0) distances.set(model, Math.min(...behind) + 1);
  }
  const furthest = depth ?? Infinity;
  return models.filter(({ model, change }) =>
    change !== "removed" && (distances.get(model) ?? Infinity) <= furthest
  )
    .filter(({ model }) => distances.has(model)).map(({ model }) => model);
}

function pairOf({ after, beforeModels, afterModels }: PipelineChanges, name: string): ComparedModel {
  const model = modelNamed(afterModels, name);
  const before = modelNamed(beforeModels, name) ??
    (model?.renamedFrom === undefined ? undefined : modelNamed(beforeModels, model.renamedFrom));
  const loads = after === undefined ? [] : Object.entries(after.definition.load)
    .filter(([loaded]) => isSameName(loaded, name))
    .flatMap(([, targets]) =>
      loadTargets(targets).flatMap(({ primary_key: key }) => key === undefined ? [] : [key])
    );
  return {
    after: name,
    before: before?.name ?? null,
    keys: [...model === undefined ? [] : rowKeys(model), ...loads],
  };
}

function sideOf({ definition, files }: PlanSide, build: readonly string[]): ComparedSide {
  return {
    definition: { params: definition.params, functions: definition.functions },
    files,
    streams: Object.entries(definition.extract).flatMap((
      [name, stream],
    ) => [name, ...childTablesOf(name, stream).map(({ table }) => table)]),
    build,
    params: {
      ...Object.fromEntries(Object.keys(definition.params).map((name) => [name, null])),
      ...sampleParams(definition.params),
    },
  };
}
