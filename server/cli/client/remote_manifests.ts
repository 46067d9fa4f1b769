import { runManifestSchema } from "../../../contract/runs/run_manifest.ts";
import type { Manifests } from "../../../engine/control/manifests/port.ts";
import { type ApiClient, read } from "./api_client.ts";
import { segment } from "./paths.ts";

/** The manifests of a server's runs, asked over its HTTP API. */
export function createRemoteManifests({ routes }: ApiClient): Manifests {
  const run = routes.runs[":id"];
  return {
    get: (id) => read(runManifestSchema, run.manifest.$get({ param: { id: segment("run", id) }, query: {} })),
  };
}
