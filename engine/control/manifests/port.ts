import type { RunManifest } from "../../../contract/runs/run_manifest.ts";
import type { RunReplay } from "../../../contract/runs/replay.ts";

/** What runs were made of. */
export interface Manifests {
  /** Throws as getRun does. */
  get(run: string): Promise<RunManifest>;
  /**
   * Builds the models of a run once more from what was kept of it, and says whether they come out the same; nothing is
   * changed. Throws as getRun does, and conflict (reason `not_kept`) where nothing was kept.
   */
  replay(run: string, signal: AbortSignal): Promise<RunReplay>;
}
