import type { StepManifest } from "../../../contract/runs/manifest.ts";
import { batchesOf, isByWindow } from "../../../sql/build/batches.ts";
import { declareEphemerals } from "../../../sql/build/ephemeral.ts";
import { declareMacros } from "../../../sql/build/macros.ts";
import { materialize } from "../../../sql/build/materialize.ts";
import { gathersRows } from "../../../sql/build/model_change.ts";
import { setWindow } from "../../../sql/build/variables.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import type { Model } from "../../../sql/language/model.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { keepMacros } from "../../warehouse/models/kept_macros.ts";
import { Ephemerals } from "../models/ephemerals.ts";
import { isDayKey } from "../models/model_build.ts";
import { setMoment } from "./moment.ts";

/** What the models of a run are built with once more. */
export interface Rebuilding {
  readonly models: readonly Model[];
  readonly graph: Graph;
  readonly runId: string;
  readonly isWindowGiven: boolean;
  /** What does it now. */
  readonly versions: Pick<StepManifest, "sluice" | "duckdb">;
}

/**
 * Builds a model as its run did: over the same window, at the same moment, over its table as it was before where it goes on
 * with one, and else from nothing. Throws what the build fails with.
 */
export async function rebuildModel(
  session: DuckSession,
  { models, graph, runId, isWindowGiven }: Rebuilding,
  model: Model,
  manifest: StepManifest,
): Promise<void> {
  const ephemerals = new Ephemerals(models, graph);
  const startMs = manifest.window_start === undefined || manifest.window_start === null
    ? null
    : Date.parse(manifest.window_start);
  const window = { startMs, endMs: Date.parse(manifest.window_end ?? "") };
  if (manifest.moment !== undefined) await setMoment(session, manifest.moment);
  await setWindow(session, window);
  for (const read of ephemerals.behind(model)) {
    await declareMacros(session, ephemerals.macrosOf(read));
    await declareEphemerals(session, [read]);
  }
  await declareMacros(session, graph.macros.get(`model:${model.name}`) ?? []);
  await session.transaction(async () => {
    if (model.materialized === "view") await keepMacros(session, ephemerals.macrosOf(model), runId);
    const isAnew = !gathersRows(model) || manifest.before === undefined;
    const own = isAnew && !isWindowGiven ? { ...window, startMs: null } : window;
    const windows = model.materialized !== "incremental" ? [window] : batchesOf(model, own, {
      isGiven: isWindowGiven,
      isByDay: isByWindow(model) && await isDayKey(session, model, isAnew),
    });
    for (const [index, one] of windows.entries()) {
      await materialize(session, model, {
        fullRefresh: isAnew && index === 0,
        ephemerals: ephemerals.behind(model),
        ...(gathersRows(model) ? { window: one } : {}),
      });
    }
  });
}
