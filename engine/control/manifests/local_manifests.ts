import { AppError } from "../../../contract/errors.ts";
import { childTablesOf } from "../../../contract/pipeline/child_tables.ts";
import { splitFiles } from "../../../contract/revision.ts";
import type { RunDetail } from "../../../contract/run.ts";
import type { StepManifest } from "../../../contract/runs/manifest.ts";
import { outcomeOf } from "../../../contract/runs/replay.ts";
import { isTerminal } from "../../../contract/run_state.ts";
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
      const found = await store.revisions.get(run.revision);
      return runManifest(run, found?.revision.files ?? []);
    },

    async replay(id, signal) {
      const run = await getRun(id);
      const revision = (await store.revisions.get(run.revision))?.revision;
      if (revision === undefined) throw notKept(run, "its revision is not kept any more");
      const { definition, files } = revision;
      if (!isTerminal(run.state)) throw notKept(run, "it has not ended");
      const built = builtModels(run);
      if (Object.keys(built).length === 0) throw notKept(run, "it has built no model");
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
        models: built,
      }, signal);
      if (found === undefined) throw notKept(run, notKeptBecause(run, definition.keep_inputs));
      const models = [...found.values()];
      return { run: run.id, pipeline: run.pipeline, outcome: outcomeOf(models), models };
    },
  };
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
  return state === "succeeded"
    ? `its inputs are not kept any more: those of the last ${keep} are (keep_inputs)`
    : "its inputs were not kept: those of runs that succeed are";
}

const notKept = ({ id }: RunDetail, why: string) =>
  new AppError("conflict", `Cannot replay run ${id}: ${why}`, { reason: "not_kept" });
