import * as v from "valibot";
import { loadSummarySchema, verificationSchema } from "../../contract/loads/verification.ts";
import { route } from "../http/route.ts";
import { pageOfAll, pageQuery } from "./paging.ts";
import { nameParams } from "./request_parts.ts";

const verifyBody = v.strictObject({
  load: v.exactOptional(
    v.pipe(
      v.string(),
      v.nonEmpty("expected a load such as daily or daily→lake"),
      v.maxLength(500),
      v.description("Only this load: by its step, or by what it loads; all of them without."),
    ),
  ),
});

/** `/api/pipelines/:name/loads` and `…/verification`: what loads have left, and whether it is still there. */
export function loadRoutes() {
  return [
    route({
      method: "get",
      path: "/api/pipelines/:name/loads",
      operation: "listLoads",
      summary: "The loads of a pipeline with the receipts of their last successes",
      permission: "pipeline:view",
      request: v.object({ params: nameParams, query: v.strictObject(pageQuery("all")) }),
      response: {
        status: 200,
        description: "In the order of the definition.",
        schema: v.array(loadSummarySchema),
      },
      errors: ["not_found"],
      handle: async ({ params, query }, { engine }) =>
        pageOfAll("loads", await engine.listLoads(params.name), query, ({ load }) => load),
    }),
    route({
      method: "post",
      path: "/api/pipelines/:name/verification",
      operation: "startVerification",
      summary: "Begins to read the targets of loads back and to compare them with what was loaded",
      permission: "pipeline:run",
      request: v.object({
        params: nameParams,
        query: v.strictObject({}),
        body: v.optional(verifyBody, {}),
      }),
      response: {
        status: 202,
        description: "How it stands: it goes on until its state is not running.",
        schema: verificationSchema,
        headers: { Location: "Where it can be followed." },
      },
      errors: ["not_found", "conflict"],
      handle: async ({ params, body }, { engine, user }) => ({
        body: await engine.startVerification(params.name, body.load ?? null, user.name),
        headers: { location: `/api/pipelines/${encodeURIComponent(params.name)}/verification` },
      }),
    }),
    route({
      method: "get",
      path: "/api/pipelines/:name/verification",
      operation: "getVerification",
      summary: "The verification under way, or the last, with what it has found so far",
      // What differs is told with values.
      permission: "pipeline:data",
      request: v.object({ params: nameParams, query: v.strictObject({}) }),
      response: { status: 200, description: "How it stands.", schema: verificationSchema },
      errors: ["not_found"],
      handle: async ({ params }, { engine }) => ({ body: await engine.getVerification(params.name) }),
    }),
    route({
      method: "delete",
      path: "/api/pipelines/:name/verification",
      operation: "stopVerification",
      summary: "Stops the verification under way",
      permission: "pipeline:run",
      request: v.object({ params: nameParams, query: v.strictObject({}) }),
      response: { status: 200, description: "How far it has got.", schema: verificationSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { engine, user }) => ({
        body: await engine.stopVerification(params.name, user.name),
      }),
    }),
  ];
}
