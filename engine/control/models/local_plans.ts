import { join } from "node:path";
import type { ModelChange, ProjectPlan } from "../../../contract/plan/plan.ts";
import type { CheckContext } from "../../definitions/check/check_context.ts";
import { type PlanBase, planProject } from "../../definitions/plan/plan_project.ts";
import { writeProject } from "../../definitions/plan/project_sources.ts";
import { openScratchFolder, type ScratchFolder } from "../../runs/warehouses/copies_folder.ts";
import type { Store } from "../../store/store.ts";
import type { CompareRowsContext } from "../../runs/comparisons/compare_rows.ts";
import { Turns } from "../services/turns.ts";
import type { PlanLimits, PlanRequest, Plans, ProjectSource } from "./port.ts";
import { rowComparer } from "./row_comparison.ts";

export interface LocalPlansContext extends CompareRowsContext {
  readonly store: Store;
  readonly checkContext: () => CheckContext;
}

const NEWEST_RUNS = 20;

/** Each compiles two versions of a project, and may build them. */
const AT_ONCE = 2;
const WAITING = 20;

/** Plans against what a store knows, a few at a time. What was sent is written into a folder that goes with the plan. */
export function createPlans(context: LocalPlansContext): Plans {
  const turns = new Turns({
    atOnce: AT_ONCE,
    waiting: WAITING,
    refusal: `${AT_ONCE} plans are being made, and ${WAITING} more wait: try again in a moment`,
  });
  return {
    plan: (request, signal, limits) =>
      turns.take(() => makePlan(context, request, signal, limits), { signal }),
  };
}

async function makePlan(
  given: LocalPlansContext,
  { project, environment, pipeline, against, select, rows }: PlanRequest,
  signal: AbortSignal,
  limits: PlanLimits | undefined,
): Promise<ProjectPlan> {
  const { store, dataDir, checkContext } = given;
  const isSent = "files" in project;
  const hasFiles = isSent || (against.kind === "project" && "files" in against.source);
  await using scratch = hasFiles ? await openScratchFolder(dataDir) : undefined;
  const folder = await folderOf(project, scratch, "after");
  const base: PlanBase = against.kind === "project"
    ? { kind: "folder", folder: await folderOf(against.source, scratch, "before"), name: against.name }
    : { ...against, store };
  const context = {
    ...checkContext(),
    lastBuilds: (name: string) => lastBuilds(store, name),
    // What somebody has sent names files of this machine: none is looked at.
    asksFiles: !isSent,
    compareRows: rows === undefined
      ? undefined
      : rowComparer(given, rows, limits?.mayCompare ?? (() => true)),
  };
  const options = { folder, environment, base, pipeline, select };
  return await planProject(
    context,
    limits === undefined ? options : { ...options, mayView: limits.mayView },
    signal,
  );
}

async function folderOf(
  source: ProjectSource,
  scratch: ScratchFolder | undefined,
  name: string,
): Promise<string> {
  if ("folder" in source) return source.folder;
  const folder = join(scratch?.path ?? "", name);
  await writeProject(folder, source.files);
  return folder;
}

/** Of each model the last success among the newest runs. */
export async function lastBuilds(
  { history }: Pick<Store, "history">,
  pipeline: string,
): Promise<Map<string, NonNullable<ModelChange["last"]>>> {
  const runs = await history.lastRuns(pipeline, NEWEST_RUNS);
  const found = new Map<string, NonNullable<ModelChange["last"]>>();
  for (const { name, kind, runs: steps } of await history.steps(runs.map(({ id }) => id))) {
    const last = kind === "model" ? steps.findLast(({ state }) => state === "succeeded") : undefined;
    if (last !== undefined) {
      found.set(name.slice("model:".length), { rows: last.rows, duration_ms: last.duration_ms });
    }
  }
  return found;
}
