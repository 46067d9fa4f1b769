import * as v from "valibot";
import { rollBackSchema, versionChangesSchema, versionSchema } from "../../../contract/versions/version.ts";
import type { Versions } from "../../../engine/control/versions/port.ts";
import { type ApiClient, read } from "./api_client.ts";
import { pipelineSegment, segment } from "./paths.ts";

/** The versions of a server's pipelines, asked over its HTTP API. */
export function createRemoteVersions({ routes }: ApiClient): Versions {
  const pipeline = routes.pipelines[":name"];
  const named = (name: string) => ({ param: { name: pipelineSegment(name) } });
  return {
    list(name, { limit, before, file }) {
      const query = {
        ...(limit === undefined ? {} : { limit: Math.min(limit, 500) }),
        ...(before === undefined ? {} : { cursor: String(before) }),
        ...(file === undefined ? {} : { file }),
      };
      return read(v.array(versionSchema), pipeline.versions.$get({ ...named(name), query }));
    },
    changes: (name, revision, { plan, ...options } = {}) =>
      read(
        versionChangesSchema,
        pipeline.versions[":revision"].changes.$get({
          param: { name: pipelineSegment(name), revision: segment("revision", revision) },
          query: { ...options, ...(plan === true ? { plan: "true" as const } : {}) },
        }),
      ),
    rollBack(name, revision) {
      const json = revision === undefined ? {} : { revision };
      return read(rollBackSchema, pipeline.rollback.$post({ ...named(name), json }));
    },
  };
}
