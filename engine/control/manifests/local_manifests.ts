import type { RunDetail } from "../../../contract/run.ts";
import type { Store } from "../../store/store.ts";
import type { Manifests } from "./port.ts";
import { runManifest } from "./run_manifest.ts";

export interface LocalManifestsContext {
  readonly store: Pick<Store, "revisions">;
  readonly getRun: (id: string) => Promise<RunDetail>;
}

/** Manifests out of the control store. */
export function createManifests({ store, getRun }: LocalManifestsContext): Manifests {
  return {
    async get(id) {
      const run = await getRun(id);
      const found = await store.revisions.get(run.revision);
      return runManifest(run, found?.revision.files ?? []);
    },
  };
}
