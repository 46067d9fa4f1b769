import * as v from "valibot";
import {
  DEFAULT_TREND_RUNS,
  MAX_HISTORY_DAYS,
  MAX_TREND_RUNS,
  pipelineHistorySchema,
} from "../../contract/runs/history.ts";
import { nameSchema } from "../../contract/names.ts";
import { logFindingsSchema, MAX_SEARCH_TEXT } from "../../contract/runs/log_search.ts";
import { LOG_LEVELS } from "../../contract/run.ts";
import { route } from "../http/route.ts";
import { pageQuery } from "./paging.ts";
import { integerText, moment, nameParams } from "./request_parts.ts";

const MAX_FOUND_LINES = 1_000;

/** Which lines of logs are wanted. */
export const logConditions = {
  search: v.exactOptional(
    v.pipe(
      v.string(),
      v.maxLength(MAX_SEARCH_TEXT),
      v.description("Only lines that have this text, in upper or lower case."),
    ),
  ),
  level: v.exactOptional(
    v.pipe(v.picklist(LOG_LEVELS), v.description("Only lines of this level and of graver ones.")),
  ),
  step: v.exactOptional(
    v.pipe(v.string(), v.description("Only lines of this step, as extract:orders or orders.")),
  ),
  since: moment("Only lines from then on"),
  until: moment("Only lines from before then"),
} as const;

/** `/api/logs` and `/api/pipelines/:name/history`. */
export function historyRoutes() {
  return [
    route({
      method: "get",
      path: "/api/logs",
      operation: "searchLogs",
      summary: "Lines of the logs of all runs that are kept, those of the newest run first",
      permission: "pipeline:view",
      request: v.object({
        query: v.strictObject({
          ...logConditions,
          pipeline: v.exactOptional(v.pipe(v.string(), v.description("Only runs of this pipeline."))),
          environment: v.exactOptional(
            v.pipe(nameSchema("environment"), v.description("Only runs of pipelines in this environment.")),
          ),
          ...pageQuery("100", MAX_FOUND_LINES),
          after: v.exactOptional(
            v.pipe(v.string(), v.description("The same as cursor: `next` of the page before.")),
          ),
        }),
      }),
      response: {
        status: 200,
        description: "What was found, and where to go on: it looks for a second at most.",
        schema: logFindingsSchema,
      },
      errors: ["not_found"],
      handle: async ({ query: { after, cursor = after, ...query } }, { engine }) => {
        const found = await engine.history.searchLogs({
          ...query,
          ...(cursor === undefined ? {} : { after: cursor }),
        });
        return { body: found, ...(found.next === null ? {} : { next: found.next }) };
      },
    }),
    route({
      method: "get",
      path: "/api/pipelines/:name/history",
      operation: "getPipelineHistory",
      summary: "How a pipeline's runs have gone: by the day, and the last ones with their steps",
      permission: "pipeline:view",
      request: v.object({
        params: nameParams,
        query: v.strictObject({
          days: v.exactOptional(
            v.pipe(
              integerText(1, MAX_HISTORY_DAYS),
              v.description(`How many days, today the last; ${MAX_HISTORY_DAYS} by default.`),
            ),
          ),
          runs: v.exactOptional(
            v.pipe(
              integerText(0, MAX_TREND_RUNS),
              v.description(`How many of the last runs; ${DEFAULT_TREND_RUNS} by default.`),
            ),
          ),
        }),
      }),
      response: { status: 200, description: "As it is now.", schema: pipelineHistorySchema },
      errors: ["not_found"],
      handle: async ({ params, query }, { engine }) => ({
        body: await engine.history.ofPipeline(params.name, query),
      }),
    }),
  ];
}
