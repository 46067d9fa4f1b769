import { modelPreviewSchema } from "../../../contract/queries/preview.ts";
import { completionSchema, queryResultSchema } from "../../../contract/queries/query.ts";
import type { Queries } from "../../../engine/control/queries/port.ts";
import { type ApiClient, read } from "./api_client.ts";
import { pipelineSegment } from "./paths.ts";
import { filesOf } from "./remote_plans.ts";

/** Rows that a server shows: what the project's folder has is sent there. */
export function createRemoteQueries({ routes }: ApiClient): Queries {
  return {
    async preview({ pipeline, project, params, window, ...wanted }, signal) {
      const json = {
        ...wanted,
        ...(project === undefined ? {} : { files: await filesOf(project) }),
        ...(params === undefined ? {} : { params }),
        ...(window === undefined ? {} : { window }),
      };
      const param = { name: pipelineSegment(pipeline) };
      return await read(
        modelPreviewSchema,
        routes.pipelines[":name"].preview.$post({ param, json }, { init: { signal } }),
      );
    },
    query: ({ pipeline, ...json }, signal) =>
      read(
        queryResultSchema,
        routes.query.$post({ json: { ...json, ...(pipeline === undefined ? {} : { pipeline }) } }, {
          init: { signal },
        }),
      ),
    complete: ({ sql, pipeline }, signal) =>
      read(
        completionSchema,
        routes.query.complete.$post(
          { json: { sql, ...(pipeline === undefined ? {} : { pipeline }) } },
          { init: { signal } },
        ),
      ),
  };
}
