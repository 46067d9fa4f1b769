import * as v from "valibot";
import { failedRowsSchema } from "../../contract/checks/failed_rows.ts";
import { described } from "../../contract/described.ts";
import { logLineSchema, RUN_STATES, runDetailSchema, runSchema, TRIGGERS } from "../../contract/run.ts";
import { nameSchema } from "../../contract/names.ts";
import { noteSchema, tagsSchema } from "../../contract/runs/annotation.ts";
import type { Clock } from "../../contract/clock.ts";
import { eventStreamResponse } from "../http/event_stream_response.ts";
import { route } from "../http/route.ts";
import { logConditions } from "./history.ts";
import { cancelQueued } from "./cancel_queued.ts";
import { numberOf, pageOf, pageQuery } from "./paging.ts";
import { idParams, integerText, moment } from "./request_parts.ts";

const RUNS_PER_PAGE = 50;
const LINES_PER_PAGE = 1_000;
const MAX_LINES = 10_000;

/** `/api/runs`. */
export function runRoutes(clock: Clock) {
  return [...readRoutes(), eventsRoute(clock), ...changeRoutes()];
}

const listQuery = v.strictObject({
  pipeline: v.exactOptional(v.pipe(v.string(), v.description("Only runs of this pipeline."))),
  state: v.exactOptional(v.pipe(v.picklist(RUN_STATES), v.description("Only runs in this state."))),
  environment: v.exactOptional(
    v.pipe(nameSchema("environment"), v.description("Only runs of pipelines in this environment.")),
  ),
  group: v.exactOptional(v.pipe(v.string(), v.description("Only runs of this group."))),
  tag: v.exactOptional(v.pipe(v.string(), v.description("Only runs with this tag."))),
  trigger: v.exactOptional(v.pipe(v.picklist(TRIGGERS), v.description("Only runs that this started."))),
  since: moment("Only runs that were asked for from then on"),
  until: moment("Only runs that were asked for before then"),
  ...pageQuery(String(RUNS_PER_PAGE)),
  before: v.exactOptional(v.pipe(v.string(), v.description("The same as cursor: a run's id."))),
});

function readRoutes() {
  return [
    route({
      method: "get",
      path: "/api/runs",
      operation: "listRuns",
      summary: "Runs, the newest first",
      permission: "pipeline:view",
      request: v.object({ query: listQuery }),
      response: { status: 200, description: "The newest first.", schema: v.array(runSchema) },
      handle: async (
        { query: { limit = RUNS_PER_PAGE, before, cursor = before, ...filter } },
        { engine },
      ) => {
        const behind = cursor === undefined ? {} : { before: cursor };
        const runs = await engine.listRuns({ ...filter, ...behind, limit: limit + 1 });
        return pageOf(runs, limit, ({ id }) => id);
      },
    }),
    route({
      method: "get",
      path: "/api/runs/:id",
      operation: "getRun",
      summary: "One run with its steps and attempts",
      permission: "pipeline:view",
      request: v.object({
        params: idParams,
        query: v.strictObject({
          attempt: v.exactOptional(
            v.pipe(
              integerText(1, 1_000_000),
              v.description(
                "The steps as they were when this attempt had ended; as they are now by default.",
              ),
            ),
          ),
        }),
      }),
      response: { status: 200, description: "The run.", schema: runDetailSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, query }, { engine }) => ({
        body: await engine.getRun(params.id, query.attempt),
      }),
    }),
    route({
      method: "get",
      path: "/api/runs/:id/checks/:check/rows",
      operation: "getFailedRows",
      summary: "Rows that failed a check of the run",
      permission: "pipeline:data",
      request: v.object({
        params: v.object({
          ...idParams.entries,
          check: described(
            v.string(),
            "Its step, or without check: as daily.not_null_day, or its name alone.",
          ),
        }),
        query: v.strictObject({}),
      }),
      response: { status: 200, description: "100 at most.", schema: failedRowsSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { engine }) => ({
        body: await engine.getFailedRows(params.id, params.check),
      }),
    }),
    route({
      method: "get",
      path: "/api/runs/:id/logs",
      operation: "getRunLogs",
      summary: "A run's log",
      permission: "pipeline:view",
      request: v.object({
        params: idParams,
        query: v.strictObject({
          after: v.exactOptional(
            v.pipe(integerText(0, Number.MAX_SAFE_INTEGER), v.description("Only lines after this seq.")),
          ),
          ...pageQuery("1,000", MAX_LINES),
          ...logConditions,
        }),
      }),
      response: { status: 200, description: "In order of seq.", schema: v.array(logLineSchema) },
      errors: ["not_found", "conflict"],
      handle: async (
        { params, query: { after = 0, limit = LINES_PER_PAGE, cursor, ...conditions } },
        { engine },
      ) => {
        const afterSeq = cursor === undefined ? after : numberOf("log", cursor);
        const lines = await engine.getRunLogs(params.id, { ...conditions, afterSeq, limit: limit + 1 });
        return pageOf(lines, limit, ({ seq }) => String(seq));
      },
    }),
  ];
}

function eventsRoute(clock: Clock) {
  const seq = integerText(0, Number.MAX_SAFE_INTEGER);
  return route({
    method: "get",
    path: "/api/runs/:id/events",
    operation: "watchRun",
    summary: "What happens in a run, as server-sent events, until it has ended",
    permission: "pipeline:view",
    request: v.object({
      params: idParams,
      query: v.strictObject({
        after: v.exactOptional(
          v.pipe(seq, v.description("Log lines after this seq; all of them by default.")),
        ),
      }),
      headers: v.object({
        "last-event-id": v.exactOptional(
          v.pipe(
            seq,
            v.description("The seq of the last log line seen: browsers send it when they come back."),
          ),
        ),
      }),
    }),
    response: {
      status: 200,
      description:
        "Events `run` {run}, `step` {step}, `progress` {step, rows, size_bytes, traffic} and `log` {line}; " +
        "the id of a log event is its seq.",
      mediaType: "text/event-stream",
    },
    errors: ["not_found", "conflict"],
    handle: async ({ params, query, headers }, { engine, signal, mayStill }) => {
      // Asked first, so that an unknown run is a 404 and not a stream that breaks.
      await engine.getRun(params.id);
      const afterSeq = headers["last-event-id"] ?? query.after ?? 0;
      return eventStreamResponse((watching) => engine.watchRun(params.id, afterSeq, watching), {
        clock,
        signal,
        mayStillLook: () => mayStill(({ engine }) => engine.getRun(params.id)),
      });
    },
  });
}

function changeRoutes() {
  return [
    route({
      method: "post",
      path: "/api/runs/cancel",
      operation: "cancelQueuedRuns",
      summary: "Cancels all runs that are queued, or those of a pipeline or group",
      permission: "pipeline:cancel",
      request: v.object({
        query: v.strictObject({}),
        body: v.optional(
          v.strictObject({
            pipeline: v.exactOptional(v.pipe(v.string(), v.description("Only runs of this pipeline."))),
            group: v.exactOptional(v.pipe(v.string(), v.description("Only runs of this group."))),
          }),
          {},
        ),
      }),
      response: {
        status: 200,
        description: "How many were cancelled; runs that had begun go on.",
        schema: v.object({
          cancelled: v.pipe(v.number(), v.integer(), v.minValue(0), v.description("How many runs.")),
        }),
      },
      handle: async ({ body }, { engine, user }) => ({
        body: { cancelled: await cancelQueued(engine, body, user.name) },
      }),
    }),
    route({
      method: "patch",
      path: "/api/runs/:id",
      operation: "annotateRun",
      summary: "Changes a run's tags and note",
      permission: "pipeline:run",
      request: v.object({
        params: idParams,
        query: v.strictObject({}),
        body: v.strictObject({
          tags: v.exactOptional(v.pipe(tagsSchema, v.description("All its tags, at most 20."))),
          note: v.exactOptional(v.pipe(v.nullable(noteSchema), v.description("Its note; null for none."))),
        }),
      }),
      response: { status: 200, description: "The run as it is now.", schema: runSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, body }, { engine }) => ({ body: await engine.annotateRun(params.id, body) }),
    }),
    route({
      method: "post",
      path: "/api/runs/:id/cancel",
      operation: "cancelRun",
      summary: "Cancels a run that is queued or running",
      permission: "pipeline:cancel",
      request: v.object({ params: idParams, query: v.strictObject({}) }),
      response: { status: 202, description: "The run as it is now.", schema: runSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { engine, user }) => ({
        body: await engine.cancelRun(params.id, user.name),
      }),
    }),
    route({
      method: "post",
      path: "/api/runs/:id/retry",
      operation: "retryRun",
      summary: "Queues another attempt of a failed or cancelled run, with its revision, params and window",
      permission: "pipeline:run",
      request: v.object({ params: idParams, query: v.strictObject({}) }),
      response: { status: 202, description: "The run as it is now.", schema: runSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { engine }) => ({ body: await engine.retryRun(params.id) }),
    }),
    route({
      method: "post",
      path: "/api/runs/:id/rerun",
      operation: "rerunRun",
      summary: "Queues a new run for the window and params of an ended run, of a step and what needs it",
      permission: "pipeline:run",
      request: v.object({
        params: idParams,
        query: v.strictObject({}),
        body: v.optional(
          v.strictObject({
            from: v.exactOptional(
              v.pipe(
                v.string(),
                v.nonEmpty(),
                v.maxLength(500),
                v.description(
                  "The step to begin with, as model:daily; the steps that the run had by default.",
                ),
              ),
            ),
          }),
          {},
        ),
      }),
      response: {
        status: 202,
        description: "The new run.",
        schema: runSchema,
        headers: { Location: "The new run's address." },
      },
      errors: ["not_found", "conflict"],
      handle: async ({ params, body }, { engine, user }) => {
        const run = await engine.rerunRun(params.id, { ...body, triggeredBy: user.name });
        return { body: run, headers: { location: `/api/runs/${encodeURIComponent(run.id)}` } };
      },
    }),
  ];
}
