import * as v from "valibot";
import { pipelineLineageSchema } from "../../../contract/lineage/lineage.ts";
import { DIRECTIONS, requireTable, traceLineage } from "../../../contract/lineage/trace.ts";
import { AppError } from "../../../contract/errors.ts";
import { route } from "../../http/route.ts";
import { nameParams } from "../request_parts.ts";

const name = v.pipe(v.string(), v.nonEmpty(), v.maxLength(1_000));

/** `/api/pipelines/:name/lineage`. */
export function lineageRoutes() {
  return [
    route({
      method: "get",
      path: "/api/pipelines/:name/lineage",
      operation: "getLineage",
      summary: "Where the columns of a pipeline's tables come from, from its sources to its targets",
      permission: "pipeline:view",
      request: v.object({
        params: nameParams,
        query: v.strictObject({
          model: v.exactOptional(
            v.pipe(
              name,
              v.description(
                "Only what lies on the ways to and from it: `daily`, `raw.orders`, or a table's id.",
              ),
            ),
          ),
          column: v.exactOptional(
            v.pipe(name, v.description("Only what lies on the ways to and from this column of the model.")),
          ),
          direction: v.exactOptional(
            v.pipe(
              v.picklist(DIRECTIONS),
              v.description("Only the ways to it, or from it; both by default."),
            ),
          ),
          influences: v.exactOptional(
            v.pipe(
              v.picklist(["true", "false"]),
              v.description("true: columns that only filter, join, group or order are on the way, too."),
            ),
          ),
        }),
      }),
      response: {
        status: 200,
        description: "Its tables, as the revision in force has them.",
        schema: pipelineLineageSchema,
      },
      errors: ["not_found"],
      handle: async ({ params, query }, { engine }) => {
        const lineage = await engine.getLineage(params.name);
        const { model, column, direction = "both" } = query;
        if (model === undefined) {
          if (column === undefined) return { body: lineage };
          throw new AppError("invalid", "column needs model, whose column it is");
        }
        const table = requireTable(lineage, model).id;
        const withInfluences = query.influences === "true";
        return { body: traceLineage(lineage, { table, column, direction, withInfluences }) };
      },
    }),
  ];
}
