import * as v from "valibot";
import { type Run, runSchema } from "../../../contract/run.ts";
import { type PipelineHistory, pipelineHistorySchema } from "../../../contract/runs/history.ts";
import { type LogFindings, logFindingsSchema } from "../../../contract/runs/log_search.ts";
import type { RunHistory } from "../../../engine/control/history/port.ts";
import { type ApiClient, read } from "./api_client.ts";
import { pipelineSegment } from "./paths.ts";

/** The history of a server, asked over its HTTP API. */
export function createRemoteHistory({ routes }: ApiClient): RunHistory {
  return {
    recentOf: async (pipelines, limit) =>
      new Map(
        await Promise.all(pipelines.map(async (pipeline): Promise<[string, Run[]]> => [
          pipeline,
          await read(v.array(runSchema), routes.runs.$get({ query: { pipeline, limit } })),
        ])),
      ),
    searchLogs: (query): Promise<LogFindings> => read(logFindingsSchema, routes.logs.$get({ query })),
    ofPipeline: (name, query): Promise<PipelineHistory> =>
      read(
        pipelineHistorySchema,
        routes.pipelines[":name"].history.$get({ param: { name: pipelineSegment(name) }, query }),
      ),
  };
}
