import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import type { StepWindow } from "../../warehouse/steps/step_windows.ts";
import { appendsRows, isComputedByReaders, keepsRows } from "../../../sql/build/model_change.ts";
import type { Model } from "../../../sql/language/model.ts";
import { nodeOf, type Plan } from "../plan.ts";

type WindowedJob = Pick<RunJob, "runId" | "windowStartMs" | "windowEndMs" | "isWindowGiven" | "fullRefresh">;

/** Epoch milliseconds; null is the beginning of time. */
type Moment = number | null;

/**
 * Where each step's window begins in this run: where the one ended that it was last done for. It begins
 * earlier where something that is made of the step's rows is further behind, as a load that failed or was
 * left out: else the rows between would never get there. A window that was asked for counts for all steps.
 */
export class StepWindows {
  readonly #job: WindowedJob;
  readonly #graph: Graph;
  readonly #known: ReadonlyMap<string, StepWindow>;
  /** Loads of each node of the graph. */
  readonly #loads: ReadonlyMap<string, readonly string[]>;
  /** Nodes of models that add the same rows again where they get them again. */
  readonly #appending: ReadonlySet<string>;
  /** Nodes of models that a full refresh leaves as they are. */
  readonly #kept: ReadonlySet<string>;
  readonly #starts = new Map<string, Moment>();

  constructor(job: WindowedJob, plan: Plan, graph: Graph, known: ReadonlyMap<string, StepWindow>) {
    this.#job = job;
    this.#graph = graph;
    this.#known = known;
    const loads = plan.steps.filter(({ kind }) => kind === "load");
    this.#loads = new Map(
      [...Map.groupBy(loads, nodeOf)].map(([node, list]) => [node, list.map(({ step }) => step.name)]),
    );
    const models = plan.steps.flatMap((planned) => planned.kind === "model" ? [planned.model] : []);
    const nodesOf = (list: readonly Model[]) => new Set(list.map(({ name }) => `model:${name}`));
    this.#appending = nodesOf(models.filter(appendsRows));
    this.#kept = nodesOf(models.filter(keepsRows));
    const computed = nodesOf(models.filter(isComputedByReaders));
    /** What the consumers of each node have had, as far as they are known. */
    const reached = new Map<string, Moment | undefined>();
    for (const node of graph.order.toReversed()) {
      const dependents = graph.nodes.get(node)?.dependents ?? [];
      // A view has no rows that it could lack: what reads it may.
      const consumers = [
        ...dependents.filter((other) => !computed.has(other)),
        ...this.#loads.get(node) ?? [],
      ];
      const ends = consumers.map((step) => this.#endOf(step));
      const behind = earliest([...ends, ...dependents.map((other) => reached.get(other))]);
      // What an appended table's readers lack is in it: its rows must not come again for them.
      reached.set(node, this.#appending.has(node) ? undefined : behind);
      this.#starts.set(node, this.#decide(node, reached.get(node)));
    }
  }

  /** Of a stream or a model by its node, as `model:daily`. */
  startOf(node: string): Moment {
    return this.#starts.get(node) ?? null;
  }

  /** Until when a node has been done; undefined where it never was. */
  doneUntil(node: string): number | undefined {
    const known = this.#known.get(node);
    return known?.isDone === true ? known.endMs ?? undefined : undefined;
  }

  /** The steps of the plan that nobody knows yet, and since when rows are owed to each. */
  newSteps(): Map<string, Moment> {
    const owed = new Map<string, Moment>();
    if (this.#job.isWindowGiven) return owed;
    /** The earliest start of the node and of all that it is made of. */
    const sources = new Map<string, Moment | undefined>();
    for (const node of this.#graph.order) {
      const above = earliest((this.#graph.nodes.get(node)?.depends ?? []).map((other) => sources.get(other)));
      const withOwn = earliest([above, this.startOf(node)]);
      sources.set(node, withOwn);
      if (!this.#known.has(node)) owed.set(node, above ?? null);
      for (const load of this.#loads.get(node) ?? []) {
        if (!this.#known.has(load)) owed.set(load, withOwn ?? null);
      }
    }
    return owed;
  }

  /**
   * What is noted of a step that this run did; undefined where it moves no window. One that was asked for moves that of
   * an appended table, where it begins where that ended: its rows must not come again.
   */
  doneFor(node: string, step: string): { readonly startMs: Moment; readonly endMs: number } | undefined {
    const { isWindowGiven, windowEndMs } = this.#job;
    const done = { startMs: this.startOf(node), endMs: windowEndMs };
    if (!isWindowGiven) return done;
    if (step !== node || !this.#appending.has(node)) return undefined;
    const until = this.doneUntil(node);
    return until === undefined || until === done.startMs ? done : undefined;
  }

  #decide(node: string, behind: Moment | undefined): Moment {
    const { fullRefresh, isWindowGiven, runId, windowStartMs } = this.#job;
    if (isWindowGiven) return windowStartMs;
    const own = this.#known.get(node);
    // A check that comes later than its model, or a next attempt: it is the window that the model was built for.
    if (own?.isDone && own.runId === runId) return own.startMs;
    if ((fullRefresh && !this.#kept.has(node)) || own?.isDone !== true) return null;
    return earliest([this.#endOf(node), behind]) ?? null;
  }

  #endOf(step: string): Moment | undefined {
    const known = this.#known.get(step);
    return known?.runId === null ? this.#job.windowStartMs : known?.endMs;
  }
}

/** Undefined where there is none. */
function earliest(moments: readonly (Moment | undefined)[]): Moment | undefined {
  let first: Moment | undefined;
  for (const moment of moments) {
    if (moment === null) return null;
    if (moment !== undefined && (first === undefined || first === null || moment < first)) first = moment;
  }
  return first;
}
