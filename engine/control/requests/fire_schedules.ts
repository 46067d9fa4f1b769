import { AppError, toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import type { Run } from "../../../contract/run.ts";
import type { Firing } from "../../runs/schedules/firing_plan.ts";
import type { PipelineRecord, RevisionHead } from "../../store/ports/definitions.ts";
import type { CreateRequest } from "../../store/ports/runs.ts";
import { noRevisionError, runMaker, type RunMakerContext } from "./run_maker.ts";

/** Revisions that are kept; then those that nothing asks for any more are read again. */
const MAX_KNOWN = 20_000;

export interface FireContext extends RunMakerContext {
  readonly log: Log;
  /** Throws not_found. */
  readonly pipeline: (name: string) => Promise<PipelineRecord>;
  /** Cancels the runs of the pipeline before this one. */
  readonly cancelBefore: (run: Run) => Promise<void>;
  /** Some runs were queued. */
  readonly onChange: () => void;
}

type Failures = Map<Firing, AppError>;

/**
 * Queues the runs of schedules' firings, many in one transaction, see `RunRequests.fire`. What a revision says never
 * changes: each is read once.
 */
export class ScheduleFirings {
  readonly #context: FireContext;
  readonly #known = new Map<string, RevisionHead>();

  constructor(context: FireContext) {
    this.#context = context;
  }

  async fire(firings: readonly Firing[]): Promise<ReadonlyMap<Firing, AppError>> {
    const failures: Failures = new Map();
    for (const round of oncePerPipeline(firings)) {
      try {
        await this.#fireRound(round, failures);
      } catch (error) {
        for (const firing of round) failures.set(firing, toAppError(error));
      }
    }
    return failures;
  }

  async #fireRound(firings: readonly Firing[], failures: Failures): Promise<void> {
    const { store, log, cancelBefore, onChange } = this.#context;
    const records = await this.#records(firings, failures);
    const revisions = await this.#revisions([...records.values()]);
    const made: { readonly firing: Firing; readonly overlap: string; readonly request: CreateRequest }[] = [];
    for (const [firing, record] of records) {
      if (record.paused) continue;
      try {
        const revision = record.revision === null ? undefined : revisions.get(record.revision);
        if (revision === undefined) throw noRevisionError(record);
        const overlap = firing.isMadeUp ? "queue" : revision.definition.overlap;
        const run = await this.#make(firing, revision);
        made.push({ firing, overlap, request: { run, unlessActive: overlap === "skip" } });
      } catch (error) {
        failures.set(firing, toAppError(error));
      }
    }
    const created = await store.runs.createEach(made.map(({ request }) => request));
    if (created.length > 0) onChange();
    for (const [index, { firing, overlap }] of made.entries()) {
      const found = created[index];
      if (found instanceof AppError) failures.set(firing, found);
      else if (found === undefined) {
        const { pipeline } = firing;
        log("info", "a firing was left out: a run is still going on", { pipeline, at: isoOf(firing) });
      } else if (overlap === "cancel_previous") {
        await cancelBefore(found.run).catch((error) => failures.set(firing, toAppError(error)));
      }
    }
  }

  #make(firing: Firing, revision: RevisionHead) {
    const at = isoOf(firing);
    const make = runMaker(this.#context, firing.pipeline, revision, firing.atMs);
    return make({ trigger: "schedule", triggeredBy: at, idempotencyKey: `schedule ${at}` });
  }

  async #records(firings: readonly Firing[], failures: Failures): Promise<Map<Firing, PipelineRecord>> {
    const { store, pipeline } = this.#context;
    const found = await store.pipelines.getAll(firings.map((firing) => firing.pipeline));
    const records = new Map<Firing, PipelineRecord>();
    for (const firing of firings) {
      try {
        records.set(firing, found.get(firing.pipeline) ?? await pipeline(firing.pipeline));
      } catch (error) {
        failures.set(firing, toAppError(error));
      }
    }
    return records;
  }

  async #revisions(records: readonly PipelineRecord[]): Promise<ReadonlyMap<string, RevisionHead>> {
    const ids = records.flatMap(({ revision }) => revision === null ? [] : [revision]);
    if (this.#known.size > MAX_KNOWN) this.#known.clear();
    const unknown = ids.filter((id) => !this.#known.has(id));
    if (unknown.length > 0) {
      for (const head of await this.#context.store.revisions.heads(unknown)) this.#known.set(head.id, head);
    }
    return this.#known;
  }
}

const isoOf = ({ atMs }: Firing): string => new Date(atMs).toISOString();

/** In their order, split where a pipeline comes again: whether a run is going on is asked of each. */
function oncePerPipeline(firings: readonly Firing[]): Firing[][] {
  const rounds: Firing[][] = [];
  let pipelines = new Set<string>();
  for (const firing of firings) {
    const round = rounds.at(-1);
    if (round === undefined || pipelines.has(firing.pipeline)) {
      rounds.push([firing]);
      pipelines = new Set([firing.pipeline]);
    } else {
      round.push(firing);
      pipelines.add(firing.pipeline);
    }
  }
  return rounds;
}
