import { AppError } from "../../../contract/errors.ts";
import { childTablesOf } from "../../../contract/pipeline/child_tables.ts";
import { type ReadableRevision, splitFiles } from "../../../contract/revision.ts";
import type { RunDetail } from "../../../contract/run.ts";
import type { StepManifest } from "../../../contract/runs/manifest.ts";
import { outcomeOf } from "../../../contract/runs/replay.ts";
import { isTerminal } from "../../../contract/run_state.ts";
import { isKept } from "../../runs/warehouses/kept_inputs.ts";
import { replayRun, type ReplayRunContext } from "../../runs/comparisons/replay_run.ts";
import type { Store } from "../../store/store.ts";
import type { Manifests } from "./port.ts";
import { runManifest } from "./run_manifest.ts";

export interface LocalManifestsContext extends ReplayRunContext {
  readonly store: Pick<Store, "revisions">;
  readonly getRun: (id: string) => Promise<RunDetail>;
}

/** Manifests out of the control store, and replays of what is kept in the data folder. */
export function createManifests(context: LocalManifestsContext): Manifests {
  const { store, getRun } = context;
  return {
    async get(id) {
      const run = await getRun(id);
      const revision = (await store.revisions.get(run.revision))?.revision;
      const lacking = await lackingOf(context, run, revision);
      return runManifest(run, {
        files: revision?.files ?? [],
        functions: revision?.definition.functions ?? {},
        lacking,
      });
    },

    async replay(id, signal) {
      const run = await getRun(id);
      const revision = (await store.revisions.get(run.revision))?.revision;
      const lacking = await lackingOf(context, run, revision);
      if (revision === undefined || lacking !== null) throw notKept(run, lacking ?? NO_REVISION);
      const { definition, files } = revision;
      const found = await replayRun(context, {
        kind: "replay",
        pipeline: run.pipeline,
        runId: run.id,
        definition: { params: definition.params, functions: definition.functions },
        files: splitFiles(files).models,
        streams: Object.entries(definition.extract).flatMap(([name, stream]) => [
          name,
          ...childTablesOf(name, stream).map(({ table }) => table),
        ]),
        params: run.params,
        windowStartMs: run.window_start === null ? null : Date.parse(run.window_start),
        windowEndMs: Date.parse(run.window_end),
        isWindowGiven: run.window_given,
        models: builtModels(run),
      }, signal);
      if (found === undefined) throw notKept(run, notKeptBecause(run, definition.keep_inputs));
      const models = [...found.values()];
      return { run: run.id, pipeline: run.pipeline, outcome: outcomeOf(models), models };
    },
  };
}

const NO_REVISION = "its revision is not kept any more";

/** Why a run cannot be replayed; null where it can. */
async function lackingOf(
  { dataDir }: Pick<LocalManifestsContext, "dataDir">,
  run: RunDetail,
  revision: Pick<ReadableRevision, "definition"> | undefined,
): Promise<string | null> {
  if (revision === undefined) return NO_REVISION;
  if (!isTerminal(run.state)) return "it has not ended";
  if (Object.keys(builtModels(run)).length === 0) return "it has built no model";
  if (await isKept(dataDir, run.pipeline, run.id)) return null;
  return notKeptBecause(run, revision.definition.keep_inputs);
}

function builtModels({ steps }: RunDetail): Record<string, StepManifest> {
  return Object.fromEntries(
    steps.flatMap(({ kind, name, state, manifest }) =>
      kind === "model" && state === "succeeded" && manifest !== undefined
        ? [[name.slice("model:".length), manifest]]
        : []
    ),
  );
}

function notKeptBecause({ state }: RunDetail, keep: number | undefined): string {
  if (keep === undefined) {
    return "its inputs were not kept: set keep_inputs in the pipeline to the number of runs to keep those of";
  }
  if (state === "cancelled") return "its inputs were not kept: it was cancelled";
  const kept = keep === 1 ? "the last one" : `the last ${keep}`;
  return state === "succeeded"
    ? `its inputs are not kept any more: those of ${kept} that succeeded are (keep_inputs)`
    : "its inputs are not kept any more: of runs that failed those of the last one are";
}

const notKept = ({ id }: RunDetail, why: string) =>
  new AppError("conflict", `Cannot replay run ${id}: ${why}`, { reason: "not_kept" });
