import { AppError } from "../../../contract/errors.ts";
import type { SqlSession } from "../../../contract/sql.ts";
import { isComputedByReaders } from "../../../sql/build/model_change.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import { type Selection, selectSteps, type StepStates } from "../../../sql/language/selector.ts";
import { nodeOf, type Plan, type PlannedCheck, type PlannedModel, type PlannedStep } from "../plan.ts";

/**
 * The steps that a run of some steps does. Beside what the expression selects these are the error checks that
 * keep the selected loads back: those that come later than their models, and those of views that the selected
 * steps read, since a view shows rows that nobody has checked. Checks that it names run by themselves, on their tables
 * as they are, unless a chosen step has them anyway. `states` are needed for an expression that names one.
 * Throws invalid for an expression that selects nothing.
 */
export function chooseSteps(
  plan: Plan,
  graph: Graph,
  select: string | null,
  states?: StepStates,
): readonly PlannedStep[] {
  if (select === null) return plan.steps;
  const selection = selectSteps(select, graph, states);
  const chosen = new Set(plan.steps.filter((planned) => isSelected(planned, selection)));
  const views = viewChecks(plan, graph, chosen);
  const held = new Set([...chosen].flatMap(({ kind, step }) => isGivenOut(kind) ? step.depends : []));
  const steps = plan.steps.filter((planned) =>
    chosen.has(planned) || (planned.kind === "check" && held.has(planned.step.name))
  );
  const waiting = waitingBehind(plan, graph, chosen);
  const taken = [...views.checks, ...steps.map((planned) => waiting(views.holding(planned)))];
  const known = new Set(taken.flatMap((planned) => [planned.step.name, ...checksWithin(planned)]));
  const alone = checksOf(plan).filter(({ step }) => selection.checks.has(step.name) && !known.has(step.name));
  return [...taken, ...alone.map(waiting)];
}

const checksOf = (plan: Plan): PlannedCheck[] =>
  plan.steps.flatMap((planned) =>
    planned.kind === "check" ? [planned] : planned.kind === "model" ? planned.checks : []
  );

const checksWithin = (planned: PlannedStep): string[] =>
  planned.kind === "model" ? planned.checks.map(({ step }) => step.name) : [];

/** A step that reads a view which is not chosen waits for what that reads. */
function waitingBehind(plan: Plan, graph: Graph, chosen: ReadonlySet<PlannedStep>) {
  const names = new Set([...chosen].map(({ step }) => step.name));
  const computed = new Set(
    plan.steps.flatMap((planned) =>
      planned.kind === "model" && isComputedByReaders(planned.model) && !names.has(planned.step.name)
        ? [planned.step.name]
        : []
    ),
  );
  const behind = (node: string): readonly string[] =>
    computed.has(node)
      ? (graph.nodes.get(node)?.depends ?? []).flatMap((other) => [other, ...behind(other)])
      : [];
  return (planned: PlannedStep): PlannedStep => {
    const more = new Set(planned.step.depends.flatMap(behind));
    if (more.size === 0) return planned;
    return {
      ...planned,
      step: { ...planned.step, depends: [...new Set([...planned.step.depends, ...more])] },
    };
  };
}

/** What leaves the warehouse: error checks hold it back. */
const isGivenOut = (kind: PlannedStep["kind"]): boolean => kind === "load" || kind === "snapshot";

function isSelected(planned: PlannedStep, { steps, loaded }: Selection): boolean {
  return (isGivenOut(planned.kind) ? loaded : steps).has(nodeOf(planned));
}

/** Checks of views that are not built anew, and the chosen steps that wait for them. */
function viewChecks(plan: Plan, graph: Graph, chosen: ReadonlySet<PlannedStep>) {
  const models = new Map(
    plan.steps.flatMap((planned) => planned.kind === "model" ? [[planned.step.name, planned] as const] : []),
  );
  const isBuilt = (node: string) => {
    const model = models.get(node);
    return model !== undefined && chosen.has(model);
  };
  const checksBehind = (node: string): PlannedCheck[] =>
    [...viewsBehind(node, graph, models)].filter(({ step }) => !isBuilt(step.name)).flatMap(({ checks }) =>
      checks.filter(({ check }) => check.severity === "error")
    );
  const byStep = new Map<PlannedStep, PlannedCheck[]>();
  for (const planned of chosen) {
    if (planned.kind === "model") byStep.set(planned, checksBehind(planned.step.name));
  }
  return {
    checks: [...new Set([...byStep.values()].flat())],
    holding: (planned: PlannedStep): PlannedStep => {
      const names = (byStep.get(planned) ?? []).map(({ step }) => step.name);
      if (names.length === 0) return planned;
      return { ...planned, step: { ...planned.step, depends: [...planned.step.depends, ...names] } };
    },
  };
}

/** The views whose rows the node shows as they are now: those that it reads, and that those read. */
function viewsBehind(
  node: string,
  graph: Graph,
  models: ReadonlyMap<string, PlannedModel>,
): Set<PlannedModel> {
  const found = new Set<PlannedModel>();
  const open = [...graph.nodes.get(node)?.depends ?? []];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const view = models.get(name);
    if (view === undefined || !isComputedByReaders(view.model) || found.has(view)) continue;
    found.add(view);
    open.push(...graph.nodes.get(name)?.depends ?? []);
  }
  return found;
}

/**
 * Throws invalid where a chosen model, one of its checks or a chosen stream reads a table that is not in the
 * warehouse and is not chosen: what to run is said before anything is done.
 */
export async function requireTables(
  session: SqlSession,
  steps: readonly PlannedStep[],
  plan: Plan,
  graph: Graph,
): Promise<void> {
  const rows = await session.rows(
    `SELECT table_schema || '.' || lower(table_name) AS name FROM information_schema.tables
     WHERE table_catalog = current_database() AND table_schema IN ('main', 'raw')`,
  );
  const there = new Set(rows.map(({ name }) => name));
  const chosen = new Set(steps.map(({ step }) => step.name));
  const ephemeral = new Set(
    plan.steps.flatMap((planned) =>
      planned.kind === "model" && planned.model.materialized === "ephemeral" ? [planned.step.name] : []
    ),
  );
  /** The nodes, with what an ephemeral one reads in its place. */
  const storedTables = (nodes: readonly string[]): string[] =>
    nodes.flatMap((node) =>
      ephemeral.has(node) ? storedTables(graph.nodes.get(node)?.depends ?? []) : [node]
    );
  const isMissing = (node: string) =>
    /^(?:model|extract):/.test(node) && !chosen.has(node) && !there.has(tableOf(node).toLowerCase());
  for (const planned of steps) {
    if (planned.kind === "load" || planned.kind === "snapshot") continue;
    const isStream = planned.kind === "extract";
    const isCheck = planned.kind === "check";
    const name = isStream
      ? `raw.${planned.name}`
      : planned.kind === "check"
      ? planned.check.table
      : planned.model.name;
    const own = planned.kind === "model" ? planned.checks : [];
    const missing = new Set(
      [planned, ...own].flatMap(({ step }) => storedTables(step.depends).filter((node) => isMissing(node))),
    );
    if (missing.size === 0) continue;
    const tables = [...missing].map(tableOf);
    const what = tables.length === 1 ? `${tables[0]} is` : `${tables.join(", ")} are`;
    throw new AppError(
      "invalid",
      `Cannot ${
        isStream ? "read" : isCheck ? "check" : "build"
      } ${name} alone: ${what} not in the warehouse yet, ` +
        `and it ${isStream ? "takes their rows" : isCheck ? "reads them" : "or its checks read them"}; ` +
        `run --select "+${name}", or the whole pipeline once`,
    );
  }
}

/** `model:daily` → `main.daily`. */
function tableOf(node: string): string {
  return node.replace(/^model:/, "main.").replace(/^extract:/, "raw.");
}
