import { AppError } from "../../../contract/errors.ts";
import type { PipelinePlan } from "../../../contract/plan/plan.ts";
import type { ReadableRevision } from "../../../contract/revision.ts";
import type { CheckContext } from "../../definitions/check/check_context.ts";
import type { LoadedPipeline } from "../../definitions/parse_pipeline.ts";
import { planPipelines } from "../../definitions/plan/plan_pipelines.ts";
import { type PlanSide, sideOfRevision } from "../../definitions/plan/plan_side.ts";
import type { Store } from "../../store/store.ts";
import { Turns } from "../services/turns.ts";
import { lastBuilds } from "./local_plans.ts";

export interface VersionPlansContext {
  readonly store: Store;
  readonly checkContext: () => CheckContext;
  /** Ends with the engine. */
  readonly signal: AbortSignal;
}

/** What a revision did to another one, by their ids; undefined for nothing at all, as before the first. */
export type VersionPlans = (before: string | undefined, after: string) => Promise<PipelinePlan>;

const ID_SHOWN = 12;
const WAITING = 20;
/** Revisions do not change: whoever goes back and forth between pages does not compile them again. */
const KEPT = 20;

/**
 * Plans of revisions that are kept, one at a time: what `sluice plan` says, without rows. Both sides are compiled with the columns
 * that their streams have now.
 */
export function createVersionPlans({ store, checkContext, signal }: VersionPlansContext): VersionPlans {
  const turns = new Turns({
    atOnce: 1,
    waiting: WAITING,
    refusal: "Many versions are being compared: try again in a moment",
  });
  const known = new Map<string, Promise<PipelinePlan>>();
  return async (before, after) => {
    const revision = await requireRevision(store, after);
    const columns = await store.pipelines.streamColumns(revision.pipeline);
    const key = JSON.stringify([before, after, columns]);
    const found = known.get(key) ?? turns.take(() => plan(before, revision), { signal });
    known.delete(key);
    known.set(key, found);
    for (const oldest of [...known.keys()].slice(0, -KEPT)) known.delete(oldest);
    try {
      return await found;
    } catch (error) {
      known.delete(key);
      throw error;
    }
  };

  async function plan(before: string | undefined, revision: ReadableRevision): Promise<PipelinePlan> {
    const old = before === undefined ? undefined : await sideOf(store, await requireRevision(store, before));
    const side = await sideOf(store, revision);
    const planned = {
      name: revision.pipeline,
      // Of one side alone they say nothing.
      before: old && side.connectors === undefined ? { ...old, connectors: undefined } : old,
      against: before === undefined ? "nothing" : `revision ${before.slice(0, ID_SHOWN)}`,
      after: pipelineOf(revision, side),
      afterScripts: side.scripts,
    };
    const context = {
      ...checkContext(),
      asksFiles: false,
      lastBuilds: (name: string) => lastBuilds(store, name),
    };
    const [found] = await planPipelines(context, [planned], {}, signal);
    if (found === undefined) throw new AppError("internal", "A pipeline that was compared has no plan");
    // The texts of its files are told beside it. What was wrong with them when they were applied nobody asks here.
    return { ...found, diffs: [], faults: [] };
  }
}

async function requireRevision(store: Store, id: string): Promise<ReadableRevision> {
  const found = await store.revisions.get(id);
  if (found !== undefined) return found.revision;
  throw new AppError("not_found", `There is no revision ${id.slice(0, ID_SHOWN)} any more`);
}

async function sideOf(store: Store, revision: ReadableRevision): Promise<PlanSide> {
  // Where their key is lost nothing is said of them.
  const connectors = await store.revisions.connectors(revision.id).catch((error) => {
    if (error instanceof AppError && error.code === "invalid") return undefined;
    throw error;
  });
  return sideOfRevision(revision, connectors, undefined);
}

/** As if it had been read from files, which were right when it came in force. */
function pipelineOf(revision: ReadableRevision, { connectors = {}, files }: PlanSide): LoadedPipeline {
  const { pipeline: name, definition } = revision;
  const path = `pipelines/${name}.yaml`;
  return {
    name,
    path,
    text: "",
    definition,
    files,
    scripts: [],
    connectors,
    faults: [],
    sketch: undefined,
    connectorPlace: () => ({ file: "connectors.yaml" }),
    place: () => ({ file: path }),
  };
}
