import * as v from "valibot";
import {
  applyResultSchema,
  paramValueSchema,
  pipelineDetailSchema,
  pipelineSummarySchema,
  runSchema,
} from "../../contract/run.ts";
import { paramsJsonSchema } from "../../contract/params/json_schema.ts";
import { definedParams } from "../../contract/params/definition.ts";
import { LOCAL_TOKEN_NAME } from "../../contract/names.ts";
import { noteSchema, tagsSchema } from "../../contract/runs/annotation.ts";
import type { Principal } from "../../contract/access/principal.ts";
import { route } from "../http/route.ts";
import { streamViewSchema } from "../../contract/streams/stream_view.ts";
import { tablePreviewSchema, tableSchema } from "../../contract/table.ts";
import { pageOfAll, pageQuery } from "./paging.ts";
import { nameParams } from "./request_parts.ts";

const tableParams = v.object({
  ...nameParams.entries,
  table: v.pipe(v.string(), v.description("`raw.orders` of a stream, `daily` of a model.")),
});

const paramsSchema = v.pipe(
  v.record(v.string(), v.unknown()),
  v.description("An object with a property for each param; one of another name is refused."),
);

/** `/api/pipelines` and `/api/apply`. */
export function pipelineRoutes() {
  return [...readRoutes(), ...changeRoutes(), triggerRoute()];
}

function readRoutes() {
  return [
    route({
      method: "get",
      path: "/api/pipelines",
      operation: "listPipelines",
      summary: "All pipelines with their schedule and last run",
      permission: "pipeline:view",
      request: v.object({ query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "By name.", schema: v.array(pipelineSummarySchema) },
      handle: async ({ query }, { engine }) =>
        pageOfAll("pipelines", await engine.listPipelines(), query, ({ name }) => name),
    }),
    route({
      method: "get",
      path: "/api/pipelines/:name",
      operation: "getPipeline",
      summary: "One pipeline with its definition, files and steps",
      permission: "pipeline:view",
      request: v.object({ params: nameParams, query: v.strictObject({}) }),
      response: { status: 200, description: "The pipeline.", schema: pipelineDetailSchema },
      errors: ["not_found"],
      handle: async ({ params }, { engine }) => ({ body: await engine.getPipeline(params.name) }),
    }),
    route({
      method: "get",
      path: "/api/pipelines/:name/params",
      operation: "getParams",
      summary: "What a run of a pipeline may be given, as the JSON Schema of a request's params",
      permission: "pipeline:view",
      request: v.object({ params: nameParams, query: v.strictObject({}) }),
      response: { status: 200, description: "A schema of draft 2020-12.", schema: paramsSchema },
      errors: ["not_found"],
      handle: async ({ params }, { engine }) => {
        const { name, definition } = await engine.getPipeline(params.name);
        return { body: paramsJsonSchema(name, definedParams(definition)) };
      },
    }),
    route({
      method: "get",
      path: "/api/pipelines/:name/streams",
      operation: "listStreams",
      summary: "The streams of a pipeline: how the last read of each went, and how far it is",
      permission: "pipeline:view",
      request: v.object({ params: nameParams, query: v.strictObject(pageQuery("all")) }),
      response: {
        status: 200,
        description: "In the order of the definition.",
        schema: v.array(streamViewSchema),
      },
      errors: ["not_found"],
      handle: async ({ params, query }, { engine }) =>
        pageOfAll("streams", await engine.listStreams(params.name), query, ({ stream }) => stream),
    }),
    route({
      method: "get",
      path: "/api/pipelines/:name/tables",
      operation: "listTables",
      summary: "The raw tables and models of a pipeline with their columns, as a run last wrote them",
      permission: "pipeline:view",
      request: v.object({ params: nameParams, query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "In the order of the steps.", schema: v.array(tableSchema) },
      errors: ["not_found"],
      handle: async ({ params, query }, { engine }) =>
        pageOfAll("tables", await engine.listTables(params.name), query, ({ name }) => name),
    }),
    route({
      method: "get",
      path: "/api/pipelines/:name/tables/:table",
      operation: "previewTable",
      summary: "A table with its first rows, as a run last wrote it",
      permission: "pipeline:data",
      request: v.object({ params: tableParams, query: v.strictObject({}) }),
      response: { status: 200, description: "The table.", schema: tablePreviewSchema },
      errors: ["not_found"],
      handle: async ({ params }, { engine }) => ({
        body: await engine.previewTable(params.name, params.table),
      }),
    }),
  ];
}

function changeRoutes() {
  return [
    route({
      method: "put",
      path: "/api/pipelines/:name",
      operation: "putPipeline",
      summary: "Checks a definition with its SQL and puts it in force",
      permission: "pipeline:edit",
      request: v.object({
        params: nameParams,
        query: v.strictObject({}),
        body: v.strictObject({
          definition: v.pipe(
            v.union([v.string(), v.record(v.string(), v.unknown())]),
            v.description("What pipelines/<name>.yaml would hold: YAML or JSON text, or its value."),
          ),
          models: v.optional(
            v.pipe(
              v.record(v.string(), v.string()),
              v.description(
                "The model files by name, as daily.sql or staging/daily.sql, with their SQL; _defaults.yaml for a folder's headers.",
              ),
            ),
            {},
          ),
        }),
      }),
      response: { status: 200, description: "The pipeline as it is now.", schema: pipelineDetailSchema },
      errors: ["conflict"],
      handle: async ({ params, body }, { engine }) => ({ body: await engine.putPipeline(params.name, body) }),
    }),
    route({
      method: "delete",
      path: "/api/pipelines/:name",
      operation: "deletePipeline",
      summary: "Removes a pipeline that came by the API; its runs are kept",
      permission: "pipeline:edit",
      request: v.object({ params: nameParams, query: v.strictObject({}) }),
      response: { status: 204, description: "It is removed." },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { engine }) => ({ body: await engine.deletePipeline(params.name) }),
    }),
    route({
      method: "patch",
      path: "/api/pipelines/:name",
      operation: "pausePipeline",
      summary: "Pauses or resumes the schedule",
      permission: "pipeline:pause",
      request: v.object({
        params: nameParams,
        query: v.strictObject({}),
        body: v.strictObject({
          paused: v.pipe(v.boolean(), v.description("A paused pipeline is not started by its schedule.")),
        }),
      }),
      response: { status: 200, description: "The pipeline as it is now.", schema: pipelineSummarySchema },
      errors: ["not_found"],
      handle: async ({ params, body }, { engine }) => ({
        body: await engine.setPaused(params.name, body.paused),
      }),
    }),
    route({
      method: "post",
      path: "/api/apply",
      operation: "applyProject",
      summary: "Reads the project's files again and puts in force what changed and is right",
      permission: "project:apply",
      request: v.object({ query: v.strictObject({}), body: v.optional(applyBody, {}) }),
      response: { status: 200, description: "What was done, and what is wrong.", schema: applyResultSchema },
      errors: ["not_found"],
      handle: async ({ body: { ref, keep_ref: isAutomatic = false } }, { engine }) => ({
        body: await engine.applyProject({ isAutomatic, ...(ref === undefined ? {} : { ref }) }),
      }),
    }),
  ];
}

const applyBody = v.strictObject({
  ref: v.exactOptional(
    v.pipe(
      v.string(),
      v.nonEmpty("expected a branch, a tag or a commit"),
      v.maxLength(500),
      v.description(
        "A branch, a tag or a commit of the project's repository: its files are read in the place of those of the folder.",
      ),
    ),
  ),
  keep_ref: v.exactOptional(
    v.pipe(
      v.boolean(),
      v.description("Where a commit is in force by its ref, it is read again, and not the project's folder."),
    ),
  ),
});

const triggerBody = v.pipe(
  v.strictObject({
    params: v.exactOptional(
      v.pipe(
        v.record(v.string(), paramValueSchema),
        v.description("Values for the pipeline's params: GET /api/pipelines/{name}/params is their schema."),
      ),
    ),
    select: v.exactOptional(
      v.pipe(
        v.string(),
        v.nonEmpty("expected a selection such as +daily or tag:x"),
        v.maxLength(10_000),
        v.description("Only these steps, as dbt selects: +daily, daily+, tag:x, and -x for without."),
      ),
    ),
    full_refresh: v.exactOptional(
      v.pipe(v.boolean(), v.description("Rebuilds incremental streams and models from nothing.")),
    ),
    window_start: v.exactOptional(
      v.pipe(
        v.nullable(v.pipe(v.string(), v.isoTimestamp())),
        v.description("With window_end: what the run is for, from here; null for from the beginning."),
      ),
    ),
    window_end: v.exactOptional(
      v.pipe(v.string(), v.isoTimestamp(), v.description("What the run is for, until before this.")),
    ),
    from: v.exactOptional(
      v.pipe(
        v.string(),
        v.nonEmpty(),
        v.maxLength(200),
        v.description("With to: streams are read again from this update_key on, and their cursors stay."),
      ),
    ),
    to: v.exactOptional(
      v.pipe(v.string(), v.nonEmpty(), v.maxLength(200), v.description("Until before this update_key.")),
    ),
    tags: v.exactOptional(v.pipe(tagsSchema, v.description("Words to find it by, at most 20."))),
    note: v.exactOptional(v.pipe(noteSchema, v.description("What is to be known about it."))),
    group: v.exactOptional(
      v.pipe(v.string(), v.nonEmpty(), v.maxLength(200), v.description("Names runs that belong together.")),
    ),
    parent: v.exactOptional(
      v.pipe(v.string(), v.nonEmpty(), v.maxLength(200), v.description("The id of the run that causes it.")),
    ),
    priority: v.exactOptional(
      v.pipe(
        v.number(),
        v.integer(),
        v.minValue(-1_000),
        v.maxValue(1_000),
        v.description("The higher goes first, 0 by default; of one priority, the older."),
      ),
    ),
  }),
  v.check(
    ({ window_start: start, window_end: end }) => start === undefined || end !== undefined,
    "window_start needs window_end",
  ),
  v.check(({ from, to }) => (from === undefined) === (to === undefined), "from and to go together"),
);

function triggerRoute() {
  return route({
    method: "post",
    path: "/api/pipelines/:name/runs",
    operation: "triggerRun",
    summary: "Queues a run of the revision in force",
    permission: "pipeline:run",
    request: v.object({
      params: nameParams,
      query: v.strictObject({}),
      headers: v.object({
        "idempotency-key": v.exactOptional(
          v.pipe(
            v.string(),
            v.regex(/^[\x21-\x7e]{1,255}$/, "expected 1 to 255 visible ASCII characters"),
            v.description(
              "A repeat with the same key returns the same run; another request with it is a 422.",
            ),
          ),
        ),
        traceparent: v.exactOptional(
          v.pipe(
            v.string(),
            v.description(
              "The trace that the run becomes a part of, by W3C Trace Context; what is none is ignored.",
            ),
          ),
        ),
      }),
      body: v.optional(triggerBody, {}),
    }),
    response: {
      status: 202,
      description: "The run as it is now.",
      schema: runSchema,
      headers: { Location: "The run's address." },
    },
    errors: ["not_found", "conflict", "unprocessable"],
    handle: async ({ params, headers, body }, { engine, user }) => {
      const key = headers["idempotency-key"];
      const run = await engine.triggerRun(params.name, {
        trigger: triggerOf(user),
        triggeredBy: user.name,
        ...(headers.traceparent === undefined ? {} : { traceparent: headers.traceparent }),
        ...(body.params === undefined ? {} : { params: body.params }),
        ...(body.select === undefined ? {} : { select: body.select }),
        ...(body.full_refresh === undefined ? {} : { fullRefresh: body.full_refresh }),
        ...(body.window_end === undefined
          ? {}
          : { window: { start: body.window_start ?? null, end: body.window_end } }),
        ...(body.from === undefined || body.to === undefined
          ? {}
          : { range: { from: body.from, to: body.to } }),
        ...(body.group === undefined ? {} : { group: body.group }),
        ...(body.parent === undefined ? {} : { parent: body.parent }),
        ...(body.priority === undefined ? {} : { priority: body.priority }),
        ...(body.tags === undefined ? {} : { tags: body.tags }),
        ...(body.note === undefined ? {} : { note: body.note }),
        ...(key === undefined ? {} : { idempotencyKey: key }),
      });
      return { body: run, headers: { location: `/api/runs/${encodeURIComponent(run.id)}` } };
    },
  });
}

function triggerOf(user: Principal): "api" | "cli" | "page" {
  if (user.via === "session") return "page";
  return user.name === LOCAL_TOKEN_NAME ? "cli" : "api";
}
