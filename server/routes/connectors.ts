import * as v from "valibot";
import { connectorSummarySchema, connectorTestSchema, sourceStreamSchema } from "../../contract/discovery.ts";
import { route } from "../http/route.ts";
import { pageOfAll, pageQuery } from "./paging.ts";

/** The project's connectors, and what they have to read. */
export function connectorRoutes() {
  return [
    route({
      method: "get",
      path: "/api/connectors",
      operation: "listConnectors",
      summary: "The connectors of the project",
      permission: "connector:view",
      request: v.object({ query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "By name.", schema: v.array(connectorSummarySchema) },
      handle: async ({ query }, { engine }) =>
        pageOfAll("connectors", await engine.listConnectors(), query, ({ name }) => name),
    }),
    route({
      method: "post",
      path: "/api/connectors/:name/test",
      operation: "testConnector",
      summary: "What works of a connector, and what is missing, as which grant; changes nothing",
      permission: "connector:use",
      request: v.object({
        params: v.object({ name: v.pipe(v.string(), v.description("The connector's name.")) }),
        query: v.strictObject({}),
      }),
      response: { status: 200, description: "Each check with what it found.", schema: connectorTestSchema },
      errors: ["not_found"],
      handle: async ({ params }, { engine, signal }) => ({
        body: await engine.testConnector(params.name, signal),
      }),
    }),
    route({
      method: "get",
      path: "/api/connectors/:name/streams",
      operation: "discoverStreams",
      summary: "The streams that a connector has, asked of its system",
      // Who may write pipelines may see what there is to read.
      permission: "connector:use",
      request: v.object({
        params: v.object({ name: v.pipe(v.string(), v.description("The connector's name.")) }),
        query: v.strictObject({}),
      }),
      response: {
        status: 200,
        description: "Tables, views or files, with columns and keys where the system knows them.",
        schema: v.array(sourceStreamSchema),
      },
      errors: ["not_found"],
      handle: async ({ params }, { engine, signal }) => ({
        body: await engine.discoverStreams(params.name, signal),
      }),
    }),
  ];
}
