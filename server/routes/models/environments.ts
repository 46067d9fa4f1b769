import * as v from "valibot";
import {
  createdEnvironmentSchema,
  environmentViewSchema,
  promotedEnvironmentSchema,
  removedEnvironmentSchema,
} from "../../../contract/environments/environment.ts";
import { promotionPlanSchema } from "../../../contract/environments/promotion.ts";
import { nameSchema } from "../../../contract/names.ts";
import { applyResultSchema } from "../../../contract/run.ts";
import { route } from "../../http/route.ts";
import { pageOfAll, pageQuery } from "../paging.ts";

const environmentParams = v.object({
  name: v.pipe(nameSchema("environment"), v.description("The environment, by its name in project.yaml.")),
});

const pipelines = v.exactOptional(
  v.pipe(
    v.array(nameSchema("pipeline")),
    v.minLength(1),
    v.maxLength(1_000),
    v.description("Only these, by their names in the project's files; all by default."),
  ),
);

const namesInQuery = v.exactOptional(
  v.pipe(
    v.string(),
    v.regex(
      /^[A-Za-z0-9_-]{1,63}(?:,[A-Za-z0-9_-]{1,63}){0,999}$/,
      "expected names with , between them",
    ),
    v.description("Only these, by their names in the project's files, as orders,shop; all by default."),
  ),
);

const ref = v.exactOptional(
  v.pipe(
    v.string(),
    v.nonEmpty("expected a branch, a tag or a commit"),
    v.maxLength(500),
    v.description("A branch, a tag or a commit of the project's repository: its files are read."),
  ),
);

const createBody = v.pipe(
  v.strictObject({
    name: v.pipe(nameSchema("environment"), v.description("The environment, by its name in project.yaml.")),
    from: v.exactOptional(
      v.pipe(
        nameSchema("environment"),
        v.description("The environment whose warehouses are copied; production's by default."),
      ),
    ),
    pipelines,
    ref,
    sample_percent: v.exactOptional(
      v.pipe(
        v.number(),
        v.gtValue(0),
        v.ltValue(100),
        v.description("Only so many percent of the rows of each raw table, and no models."),
      ),
    ),
    rows: v.exactOptional(
      v.pipe(
        v.number(),
        v.integer(),
        v.minValue(1),
        v.maxValue(1_000_000_000),
        v.description("Only so many rows of each raw table, and no models."),
      ),
    ),
  }),
  v.check(
    ({ rows, sample_percent: percent }) => rows === undefined || percent === undefined,
    "rows and sample_percent do not go together",
  ),
);

/** Where pipelines run apart from production. */
export function environmentRoutes() {
  return [
    route({
      method: "get",
      path: "/api/environments",
      operation: "listEnvironments",
      summary: "The environments that were made, and those of project.yaml, by name",
      permission: "pipeline:view",
      request: v.object({ query: v.strictObject(pageQuery("all")) }),
      response: { status: 200, description: "The environments.", schema: v.array(environmentViewSchema) },
      errors: [],
      handle: async ({ query }, { engine }) =>
        pageOfAll("environments", await engine.environments.list(), query, ({ name }) => name),
    }),
    route({
      method: "post",
      path: "/api/environments",
      operation: "createEnvironment",
      summary: "Copies warehouses to an environment of project.yaml, and puts its pipelines in force there",
      permission: "pipeline:edit",
      request: v.object({ query: v.strictObject({}), body: createBody }),
      response: {
        status: 201,
        description: "What was copied and applied.",
        schema: createdEnvironmentSchema,
      },
      errors: ["not_found", "conflict"],
      handle: async ({ body: { name, rows, sample_percent: percent, ...asked } }, { engine, signal }) => {
        const sample = rows !== undefined ? { rows } : percent !== undefined ? { percent } : undefined;
        const request = { ...asked, ...(sample === undefined ? {} : { sample }) };
        return { body: await engine.environments.create(name, request, signal) };
      },
    }),
    route({
      method: "post",
      path: "/api/environments/:name/apply",
      operation: "applyEnvironment",
      summary: "Puts the project's pipelines in force as they are in an environment",
      permission: "pipeline:edit",
      request: v.object({
        params: environmentParams,
        query: v.strictObject({}),
        body: v.optional(
          v.strictObject({
            ref,
            pipelines,
            keep_ref: v.exactOptional(
              v.pipe(
                v.boolean(),
                v.description(
                  "Where it was applied from a ref, that commit is read again, and not the folder.",
                ),
              ),
            ),
          }),
          {},
        ),
      }),
      response: { status: 200, description: "What was done, and what is wrong.", schema: applyResultSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, body: { keep_ref: isAutomatic = false, ...asked } }, { engine }) => ({
        body: await engine.environments.apply(params.name, { isAutomatic, ...asked }),
      }),
    }),
    route({
      method: "post",
      path: "/api/environments/:name/promote",
      operation: "promoteEnvironment",
      summary:
        "Puts what is in force in an environment in force in production, where its files still say that",
      permission: "project:apply",
      request: v.object({
        params: environmentParams,
        query: v.strictObject({}),
        body: v.optional(
          v.strictObject({
            pipelines,
            take_tables: v.exactOptional(
              v.pipe(
                v.boolean(),
                v.description(
                  "Whether a run of each pipeline takes over the tables that production would build the same; true by default.",
                ),
              ),
            ),
          }),
          {},
        ),
      }),
      response: { status: 200, description: "What is in force now.", schema: promotedEnvironmentSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, body: { pipelines, take_tables: takesTables = true } }, { engine, user }) => {
        const request = {
          takesTables,
          triggeredBy: user.name,
          ...(pipelines === undefined ? {} : { pipelines }),
        };
        return { body: await engine.environments.promote(params.name, request) };
      },
    }),
    route({
      method: "get",
      path: "/api/environments/:name/promotion",
      operation: "planPromotion",
      summary:
        "What a promotion of the environment would take over, and what production's next run would build",
      permission: "project:apply",
      request: v.object({ params: environmentParams, query: v.strictObject({ pipelines: namesInQuery }) }),
      response: { status: 200, description: "What it would do.", schema: promotionPlanSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, query: { pipelines } }, { engine, signal }) => ({
        body: await engine.environments.planPromotion(params.name, pipelines?.split(","), signal),
      }),
    }),
    route({
      method: "delete",
      path: "/api/environments/:name",
      operation: "deleteEnvironment",
      summary: "Removes an environment's pipelines with their warehouses; what is in production stays",
      permission: "pipeline:edit",
      request: v.object({
        params: environmentParams,
        query: v.strictObject({ pipelines: namesInQuery }),
      }),
      response: { status: 200, description: "What is gone.", schema: removedEnvironmentSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params, query: { pipelines } }, { engine }) => ({
        body: await engine.environments.remove(params.name, pipelines?.split(",")),
      }),
    }),
  ];
}
