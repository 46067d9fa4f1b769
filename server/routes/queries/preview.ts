import * as v from "valibot";
import { modelPreviewSchema } from "../../../contract/queries/preview.ts";
import { CELL_FORMS, DEFAULT_ROWS, MAX_ROWS } from "../../../contract/queries/rows.ts";
import { route } from "../../http/route.ts";
import { projectFiles } from "../models/plan.ts";
import { nameParams } from "../request_parts.ts";

export const rowsWanted = {
  limit: v.exactOptional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(MAX_ROWS),
      v.description(
        `At most so many rows, 1 to ${MAX_ROWS.toLocaleString("en")}; ${DEFAULT_ROWS} by default.`,
      ),
    ),
  ),
  cells: v.exactOptional(
    v.pipe(
      v.picklist(CELL_FORMS),
      v.description(
        "How values are written: shown (the default) cuts long ones, text has all of them, json writes JSON, where " +
          "integers of 64 bits and decimals are texts.",
      ),
    ),
  ),
};

const time = v.pipe(v.string(), v.isoTimestamp());

const previewBody = v.strictObject({
  model: v.pipe(v.string(), v.nonEmpty(), v.maxLength(200), v.description("The model's name.")),
  files: v.exactOptional(
    v.pipe(
      projectFiles,
      v.description(
        "The project whose SQL is meant, which takes pipeline:edit too; what is in force without.",
      ),
    ),
  ),
  params: v.exactOptional(
    v.pipe(v.record(v.string(), v.unknown()), v.description("Values for the pipeline's params.")),
  ),
  window: v.exactOptional(v.pipe(
    v.strictObject({
      start: v.pipe(v.nullable(time), v.description("From here; null is the beginning of time.")),
      end: v.pipe(time, v.description("Until before this.")),
    }),
    v.description("What the model is shown for; all of time until now by default."),
  )),
  ...rowsWanted,
});

/** `/api/pipelines/:name/preview`. */
export function previewRoutes() {
  return [
    route({
      method: "post",
      path: "/api/pipelines/:name/preview",
      operation: "previewModel",
      summary:
        "The rows of a model as its SQL is now, over the tables of the last run; nothing is built or changed",
      permission: "pipeline:data",
      request: v.object({ params: nameParams, query: v.strictObject({}), body: previewBody }),
      response: { status: 200, description: "Its first rows.", schema: modelPreviewSchema },
      errors: ["not_found", "conflict"],
      async handle({ params: { name }, body }, { engine, signal }) {
        const { files, limit = DEFAULT_ROWS, cells = "shown", ...wanted } = body;
        const project = files === undefined ? {} : { project: { files } };
        return {
          body: await engine.queries.preview({ pipeline: name, ...wanted, limit, cells, ...project }, signal),
        };
      },
    }),
  ];
}
