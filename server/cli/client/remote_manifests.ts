import { runManifestSchema } from "../../../contract/runs/run_manifest.ts";
import { runReplaySchema } from "../../../contract/runs/replay.ts";
import type { Manifests } from "../../../engine/control/manifests/port.ts";
import { type ApiClient, read } from "./api_client.ts";
import { segment } from "./paths.ts";

/** The manifests of a server's runs, asked over its HTTP API. */
export function createRemoteManifests({ routes }: ApiClient): Manifests {
  const run = routes.runs[":id"];
  const of = (id: string) => ({ param: { id: segment("run", id) }, query: {} });
  return {
    get: (id) => read(runManifestSchema, run.manifest.$get(of(id))),
    replay: (id, signal) => read(runReplaySchema, run.replay.$post(of(id), { init: { signal } })),
  };
}
