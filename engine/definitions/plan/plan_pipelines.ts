import { AppError } from "../../../contract/errors.ts";
import type { ModelChange, PipelinePlan } from "../../../contract/plan/plan.ts";
import { namesState, selectSteps, type StepStates } from "../../../sql/language/selector.ts";
import type { Fault } from "../../../text/fault.ts";
import { isRunnable } from "../check/check_context.ts";
import { compileAll, type Found } from "./compile_all.ts";
import { fileDiffs } from "./file_diffs.ts";
import { changesOf, modelChanges, type PipelineChanges } from "./plan_pipeline.ts";
import { type PlanSide, sideOfProject } from "./plan_side.ts";
import { type Compared, isReadable, type PlanContext, type PlannedPipeline } from "./planned_pipeline.ts";
import { stepGraph } from "./step_graph.ts";

export interface PlanOptions {
  /** These alone, and those that they break; all by default. */
  readonly only?: ReadonlySet<string> | undefined;
  /** Only changes of these steps: an expression as `--select` takes it. */
  readonly select?: string | undefined;
}

/**
 * What would be another than before, of each of the pipelines in their order. Only those that differ are compiled. Throws
 * invalid for a selection that selects nothing of any of them.
 */
export async function planPipelines(
  context: PlanContext,
  pipelines: readonly PlannedPipeline[],
  options: PlanOptions,
  signal: AbortSignal,
): Promise<PipelinePlan[]> {
  const compared = pipelines.map((planned): Compared => {
    const side = planned.after === undefined ? undefined : sideOfProject(planned.after, planned.afterScripts);
    return { planned, changes: changesOf(planned.before, side) };
  });
  const isAskedFor = ({ planned: { name } }: Compared) => options.only?.has(name) ?? true;
  const isWanted = (one: Compared) =>
    isAskedFor(one) && isReadable(one) && (one.changes.isChanged || options.select !== undefined);
  const compiled = await compileAll(context, compared, isWanted, signal);
  const plans: PipelinePlan[] = [];
  let failure: AppError | undefined;
  for (const one of compared) {
    const { planned, changes } = one;
    const found = compiled.get(planned.name);
    if (!isAskedFor(one) && (changes.isChanged || brokenBy(found).length === 0)) continue;
    try {
      plans.push(await planOf(context, one, found, options, signal));
    } catch (error) {
      // Of one that selects nothing here, another pipeline may have something.
      if (options.select === undefined || !(error instanceof AppError) || error.code !== "invalid") {
        throw error;
      }
      failure ??= error;
    }
  }
  if (plans.length === 0 && failure !== undefined) throw failure;
  return plans;
}

/** What is wrong with a pipeline that is as it was, since what it reads of others has other columns. */
function brokenBy(found: Found | undefined): readonly Fault[] {
  const errors = (found?.faults ?? []).filter(({ severity }) => severity === "error");
  const before = new Set(found?.before?.faults.map(({ message }) => message));
  return errors.filter(({ message }) => !before.has(message));
}

const NO_COST: PipelinePlan["cost"] = { models: 0, duration_ms: null, rows: null, unknown: 0 };

async function planOf(
  context: PlanContext,
  one: Compared,
  found: Found | undefined,
  { select }: PlanOptions,
  signal: AbortSignal,
): Promise<PipelinePlan> {
  const { planned, changes } = one;
  const { name, before, after, against } = planned;
  const faults = [...after?.faults ?? [], ...found?.faults ?? []];
  const isRead = isReadable(one);
  const all = isRead && found !== undefined ? modelChanges(changes, found) : [];
  // Where nothing has changed, what has is nothing: that is no slip.
  const isOfNothing = isRead && !changes.isChanged;
  const chosen = select === undefined || (isOfNothing && namesState(select))
    ? undefined
    : chosenSteps(changes, found, all, select);
  const models = all.filter(({ model, change }) =>
    change === "removed" || (chosen?.has(`model:${model}`) ?? true)
  );
  const last = models.length === 0 ? new Map<string, never>() : await context.lastBuilds(name);
  const withLast = models.map((model) => ({ ...model, last: last.get(model.model) ?? null }));
  const isBroken = !isRunnable(faults);
  const rows = context.compareRows === undefined || found === undefined || isBroken || before === undefined ||
      changes.after === undefined
    ? undefined
    : await context.compareRows(name, changes, found, withLast, signal);
  const shown = rows?.models ?? withLast;
  const parts = {
    ...changes.parts,
    streams: changes.parts.streams.filter((stream) => chosen?.has(`extract:${stream.name}`) ?? true),
  };
  return {
    pipeline: name,
    change: isOfNothing
      ? "unchanged"
      : before === undefined
      ? "added"
      : after === undefined
      ? "removed"
      : "changed",
    against,
    faults: isOfNothing ? [...brokenBy(found)] : faults,
    ...(isRead ? parts : { settings: [], streams: [], loads: [], connectors: [], scripts: [] }),
    models: [...shown],
    readers: [],
    breaking: shown.some(({ breaking }) => breaking.length > 0) || after === undefined,
    cost: costOf(shown),
    data: rows?.data ?? {
      compared: false,
      note: isOfNothing ? null : noteOf(context, planned, isBroken),
      duration_ms: null,
    },
    diffs: isRead && changes.isChanged ? await diffsOf(changes) : [],
  };
}

function noteOf(
  { compareRows }: PlanContext,
  { before, after }: PlannedPipeline,
  isBroken: boolean,
): string | null {
  if (compareRows === undefined || after === undefined) return null;
  if (isBroken) return "rows are not compared while there are faults";
  return before === undefined ? "the pipeline is new: there are no rows to compare with" : null;
}

/** The steps that the selection names, of the new version and of what changes. */
function chosenSteps(
  { before, after, parts }: PipelineChanges,
  found: Found | undefined,
  models: readonly ModelChange[],
  select: string,
): ReadonlySet<string> {
  const side = after ?? before;
  if (side === undefined) return new Set();
  const steps = (after === undefined ? found?.before : found?.after)?.steps ?? [];
  const named = (...wanted: readonly ModelChange["change"][]) =>
    new Set([
      ...models.filter(({ change }) => wanted.includes(change)).map(({ model }) => `model:${model}`),
      ...parts.streams.filter(({ change }) => wanted.includes(change)).map(({ name }) => `extract:${name}`),
    ]);
  const states: StepStates = { modified: named("added", "changed"), new: named("added") };
  return selectSteps(select, stepGraph(side, steps), states).steps;
}

function costOf(models: readonly ModelChange[]): PipelinePlan["cost"] {
  const built = models.filter(({ rows, change }) => rows && change !== "removed");
  if (built.length === 0) return NO_COST;
  const known = built.flatMap(({ last }) => last ?? []);
  const sum = (of: (last: NonNullable<ModelChange["last"]>) => number | null) =>
    known.length === 0 ? null : known.reduce((total, last) => total + (of(last) ?? 0), 0);
  return {
    models: built.length,
    duration_ms: sum((last) => last.duration_ms),
    rows: sum((last) => last.rows),
    unknown: built.length - known.length,
  };
}

async function diffsOf({ before, after }: PipelineChanges): Promise<PipelinePlan["diffs"]> {
  const textsOf = (side: PlanSide | undefined, other: PlanSide | undefined) => [
    // Of an older revision the definition's own text is not kept: there is nothing to hold the new one against.
    ...(side?.text === undefined || (other !== undefined && other.text === undefined) ? [] : [side.text]),
    ...side?.files ?? [],
    ...side?.scripts ?? [],
  ];
  return await fileDiffs(textsOf(before, after), textsOf(after, before));
}
