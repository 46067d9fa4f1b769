import * as v from "valibot";
import { rejectChangeSchema, rejectSummarySchema, streamRejectsSchema } from "../../contract/rejects.ts";
import { streamSchemaSchema } from "../../contract/stream_schema.ts";
import { route } from "../http/route.ts";
import { pageOfAll, pageQuery } from "./paging.ts";
import { nameParams } from "./request_parts.ts";

const streamParams = v.object({
  ...nameParams.entries,
  stream: v.pipe(
    v.string(),
    v.description("The stream's name; for rejects also the step of a load, as load:contacts→crm."),
  ),
});

const chosenRejects = v.optional(
  v.strictObject({
    positions: v.exactOptional(
      v.pipe(
        v.array(v.string()),
        v.nonEmpty("expected at least one position"),
        v.description("Only those with one of these positions; all where it is left out."),
      ),
    ),
  }),
  {},
);

/** `/api/pipelines/:name/rejects` and `…/schemas`: rows of streams that did not fit, and their columns. */
export function rejectRoutes() {
  return [
    route({
      method: "get",
      path: "/api/pipelines/:name/schemas/:stream",
      operation: "getStreamSchema",
      summary: "How the columns of a stream's table have changed",
      permission: "pipeline:view",
      request: v.object({ params: streamParams, query: v.strictObject({}) }),
      response: { status: 200, description: "The newest version first.", schema: streamSchemaSchema },
      errors: ["not_found"],
      handle: async ({ params }, { engine }) => ({
        body: await engine.getStreamSchema(params.name, params.stream),
      }),
    }),
    route({
      method: "get",
      path: "/api/pipelines/:name/rejects",
      operation: "listRejects",
      summary: "The streams and loads of a pipeline that have rejects, as their runs have last reported them",
      // Reasons quote values.
      permission: "pipeline:data",
      request: v.object({ params: nameParams, query: v.strictObject(pageQuery("all")) }),
      response: {
        status: 200,
        description: "In the order of the streams, then of the loads.",
        schema: v.array(rejectSummarySchema),
      },
      errors: ["not_found"],
      handle: async ({ params, query }, { engine }) =>
        pageOfAll("rejects", await engine.listRejects(params.name), query, ({ stream }) => stream),
    }),
    route({
      method: "get",
      path: "/api/pipelines/:name/rejects/:stream",
      operation: "getRejects",
      summary: "The newest rejects of a stream or a load, with their reasons and rows",
      permission: "pipeline:data",
      request: v.object({ params: streamParams, query: v.strictObject({}) }),
      response: { status: 200, description: "200 at most.", schema: streamRejectsSchema },
      errors: ["not_found"],
      handle: async ({ params }, { engine }) => ({
        body: await engine.getRejects(params.name, params.stream),
      }),
    }),
    route({
      method: "post",
      path: "/api/pipelines/:name/rejects/:stream/replay",
      operation: "replayRejects",
      summary:
        "Puts the rejects of a stream into its raw table, as far as they fit now, or sends those of a load again",
      permission: "pipeline:run",
      request: v.object({ params: streamParams, query: v.strictObject({}), body: chosenRejects }),
      response: { status: 200, description: "What became of them.", schema: rejectChangeSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, body }, { engine, signal }) => ({
        body: await engine.changeRejects(params.name, params.stream, { action: "replay", ...body }, signal),
      }),
    }),
    route({
      method: "delete",
      path: "/api/pipelines/:name/rejects/:stream",
      operation: "dropRejects",
      summary: "Removes the rejects of a stream or a load",
      permission: "pipeline:run",
      request: v.object({ params: streamParams, query: v.strictObject({}), body: chosenRejects }),
      response: { status: 200, description: "What became of them.", schema: rejectChangeSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, body }, { engine, signal }) => ({
        body: await engine.changeRejects(params.name, params.stream, { action: "drop", ...body }, signal),
      }),
    }),
  ];
}
