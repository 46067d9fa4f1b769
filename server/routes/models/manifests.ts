import * as v from "valibot";
import { runManifestSchema } from "../../../contract/runs/run_manifest.ts";
import { runReplaySchema } from "../../../contract/runs/replay.ts";
import { route } from "../../http/route.ts";
import { idParams } from "../request_parts.ts";

/** `/api/runs/:id/manifest` and `/api/runs/:id/replay`. */
export function manifestRoutes() {
  return [
    route({
      method: "get",
      path: "/api/runs/:id/manifest",
      operation: "getManifest",
      summary: "What a run was made of: SQL, params, inputs and outputs with their hashes, versions",
      permission: "pipeline:view",
      request: v.object({ params: idParams, query: v.strictObject({}) }),
      response: {
        status: 200,
        description: "The manifest, of what is done so far.",
        schema: runManifestSchema,
      },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { engine }) => ({ body: await engine.manifests.get(params.id) }),
    }),
    route({
      method: "post",
      path: "/api/runs/:id/replay",
      operation: "replayRun",
      summary: "Builds a run's models once more from what was kept of it, and compares; nothing is changed",
      permission: "pipeline:data",
      request: v.object({ params: idParams, query: v.strictObject({}) }),
      response: { status: 200, description: "Whether they come out the same.", schema: runReplaySchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { engine, signal }) => ({
        body: await engine.manifests.replay(params.id, signal),
      }),
    }),
  ];
}
