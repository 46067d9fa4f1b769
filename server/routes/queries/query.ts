import * as v from "valibot";
import { completionSchema, MAX_SQL_CHARS, queryResultSchema } from "../../../contract/queries/query.ts";
import { DEFAULT_ROWS } from "../../../contract/queries/rows.ts";
import { route } from "../../http/route.ts";
import { rowsWanted } from "./preview.ts";

const about = {
  sql: v.pipe(
    v.string(),
    v.nonEmpty("expected some SQL"),
    v.maxLength(MAX_SQL_CHARS),
    v.description("One SELECT of DuckDB; DESCRIBE, SUMMARIZE, SHOW TABLES and EXPLAIN too."),
  ),
  pipeline: v.exactOptional(
    v.pipe(
      v.string(),
      v.nonEmpty(),
      v.maxLength(200),
      v.description(
        "Whose tables are meant where a name says no more; those of others are orders.daily, orders.raw.items.",
      ),
    ),
  ),
};

const none = v.strictObject({});

/** `/api/query`. */
export function queryRoutes() {
  return [
    route({
      method: "post",
      path: "/api/query",
      operation: "query",
      summary: "The rows of a query over copies of the pipelines' warehouses; it can change nothing",
      permission: "pipeline:data",
      request: v.object({ query: none, body: v.strictObject({ ...about, ...rowsWanted }) }),
      response: {
        status: 200,
        description: "Its first rows, and of when they are.",
        schema: queryResultSchema,
      },
      errors: ["not_found"],
      async handle({ body: { limit = DEFAULT_ROWS, cells = "shown", ...request } }, { engine, signal }) {
        return { body: await engine.queries.query({ ...request, limit, cells }, signal) };
      },
    }),
    route({
      method: "post",
      path: "/api/query/complete",
      operation: "completeQuery",
      summary: "How SQL that ends here may go on: tables, columns, functions and keywords",
      permission: "pipeline:data",
      request: v.object({ query: none, body: v.strictObject(about) }),
      response: { status: 200, description: "What may stand there.", schema: completionSchema },
      errors: ["not_found"],
      async handle({ body }, { engine, signal }) {
        return { body: await engine.queries.complete(body, signal) };
      },
    }),
  ];
}
