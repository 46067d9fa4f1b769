import * as v from "valibot";
import { backfillDetailSchema, backfillSchema } from "../../contract/backfills/backfill.ts";
import { nameSchema } from "../../contract/names.ts";
import { paramValueSchema } from "../../contract/run.ts";
import { noteSchema, tagsSchema } from "../../contract/runs/annotation.ts";
import type { Engine } from "../../engine/control/engine.ts";
import { route } from "../http/route.ts";
import { pageOf, pageQuery } from "./paging.ts";
import { nameParams } from "./request_parts.ts";

const BACKFILLS_PER_PAGE = 50;

/** `/api/backfills`, and how one is started. */
export function backfillRoutes() {
  return [startRoute(), ...readRoutes(), ...changeRoutes()];
}

type Backfills = Engine["backfills"];

const groupParams = v.object({
  group: v.pipe(v.string(), v.description("The backfill's name: the group of its runs.")),
});

const moment = v.pipe(v.string(), v.nonEmpty(), v.maxLength(40));

const startBody = v.strictObject({
  from: v.pipe(
    moment,
    v.description(
      "Where the first window begins, as 2026-01-01 or 2026-01-01T06:00:00Z; UTC without a zone.",
    ),
  ),
  to: v.pipe(moment, v.description("Where the last window ends: until before this.")),
  every: v.pipe(
    v.string(),
    v.nonEmpty(),
    v.maxLength(40),
    v.description("How long a window is: 1d, 6h, 1w, 1mo or 1y, months and years by the calendar of UTC."),
  ),
  params: v.exactOptional(
    v.pipe(
      v.record(v.string(), paramValueSchema),
      v.description("Values for the pipeline's params: GET /api/pipelines/{name}/params is their schema."),
    ),
  ),
  select: v.exactOptional(
    v.pipe(v.string(), v.nonEmpty(), v.maxLength(10_000), v.description("Only these steps, as for a run.")),
  ),
  window_only: v.exactOptional(
    v.pipe(
      v.boolean(),
      v.description(
        "Streams go on from their cursors; without it those with an update_key read each window again.",
      ),
    ),
  ),
  tags: v.exactOptional(v.pipe(tagsSchema, v.description("Words to find it by, at most 20."))),
  note: v.exactOptional(v.pipe(noteSchema, v.description("What is to be known about it."))),
  group: v.exactOptional(
    v.pipe(
      v.string(),
      v.nonEmpty(),
      v.maxLength(200),
      v.description("The backfill's name. One that is known is not started twice: it gets what it lacks."),
    ),
  ),
  priority: v.exactOptional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(-1_000),
      v.maxValue(1_000),
      v.description("Of its runs, -10 by default: other runs go first."),
    ),
  ),
});

function startRoute() {
  return route({
    method: "post",
    path: "/api/pipelines/:name/backfills",
    operation: "startBackfill",
    summary: "Queues a run for each window of a span of time",
    permission: "pipeline:run",
    request: v.object({ params: nameParams, query: v.strictObject({}), body: startBody }),
    response: {
      status: 202,
      description: "The backfill with its windows.",
      schema: backfillDetailSchema,
      headers: { Location: "The backfill's address." },
    },
    errors: ["not_found", "conflict", "unprocessable"],
    handle: async ({ params, body }, { engine, user }) => {
      const { window_only: windowOnly, ...request } = body;
      const backfill = await engine.backfills.start(params.name, {
        ...request,
        ...(windowOnly === undefined ? {} : { windowOnly }),
        triggeredBy: user.name,
      });
      return {
        body: backfill,
        headers: { location: `/api/backfills/${encodeURIComponent(backfill.group)}` },
      };
    },
  });
}

function readRoutes() {
  return [
    route({
      method: "get",
      path: "/api/backfills",
      operation: "listBackfills",
      summary: "Backfills, the newest first",
      permission: "pipeline:view",
      request: v.object({
        query: v.strictObject({
          pipeline: v.exactOptional(v.pipe(v.string(), v.description("Only those of this pipeline."))),
          environment: v.exactOptional(
            v.pipe(nameSchema("environment"), v.description("Only those of pipelines in this environment.")),
          ),
          ...pageQuery(String(BACKFILLS_PER_PAGE)),
        }),
      }),
      response: { status: 200, description: "The newest first.", schema: v.array(backfillSchema) },
      handle: async ({ query: { limit = BACKFILLS_PER_PAGE, ...filter } }, { engine }) =>
        pageOf(await engine.backfills.list({ ...filter, limit: limit + 1 }), limit, ({ group }) => group),
    }),
    route({
      method: "get",
      path: "/api/backfills/:group",
      operation: "getBackfill",
      summary: "One backfill with its windows, and how each stands",
      permission: "pipeline:view",
      request: v.object({ params: groupParams, query: v.strictObject({}) }),
      response: { status: 200, description: "The backfill.", schema: backfillDetailSchema },
      errors: ["not_found"],
      handle: async ({ params }, { engine }) => ({ body: await engine.backfills.get(params.group) }),
    }),
  ];
}

function changeRoutes() {
  return [
    route({
      method: "post",
      path: "/api/backfills/:group/retry",
      operation: "retryBackfill",
      summary: "Queues another attempt of each run that failed or was cancelled",
      permission: "pipeline:run",
      request: v.object({ params: groupParams, query: v.strictObject({}) }),
      response: { status: 202, description: "The backfill as it is now.", schema: backfillDetailSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { engine }) => ({ body: await engine.backfills.retry(params.group) }),
    }),
    route({
      method: "post",
      path: "/api/backfills/:group/cancel",
      operation: "cancelBackfill",
      summary: "Cancels the runs that wait, and the one under way",
      permission: "pipeline:cancel",
      request: v.object({ params: groupParams, query: v.strictObject({}) }),
      response: { status: 202, description: "The backfill as it is now.", schema: backfillDetailSchema },
      errors: ["not_found"],
      handle: async ({ params }, { engine, user }) => ({
        body: await engine.backfills.cancel(params.group, user.name),
      }),
    }),
  ];
}
