import type { RunManifest } from "../../../contract/runs/run_manifest.ts";

/** What runs were made of. */
export interface Manifests {
  /** Throws as getRun does. */
  get(run: string): Promise<RunManifest>;
}
