import * as v from "valibot";
import { projectPlanSchema } from "../../../contract/plan/plan.ts";
import type { PlanRequest } from "../../../engine/control/models/port.ts";
import { nameSchema } from "../../../contract/names.ts";
import { route } from "../../http/route.ts";

const MAX_FILES = 20_000;
const MAX_PATH = 1_000;

/** The files of a project in a request. */
export const projectFiles = v.pipe(
  v.array(v.strictObject({
    path: v.pipe(
      v.string(),
      v.nonEmpty(),
      v.maxLength(MAX_PATH),
      v.description("In the project, with /: transforms/orders/daily.sql."),
    ),
    content: v.pipe(v.string(), v.description("What is in it.")),
  })),
  // In words alone: a body of so many is refused for its length before anybody counts them.
  v.check((files) => files.length <= MAX_FILES, `expected ${MAX_FILES} files at most`),
);

const planBody = v.strictObject({
  files: v.pipe(
    projectFiles,
    v.description(
      "The project as it would be: pipelines/, transforms/, seeds/, macros/, scripts/ and its YAML files.",
    ),
  ),
  environment: v.exactOptional(
    v.pipe(
      nameSchema("environment"),
      v.description("As the project is in this environment; in production by default."),
    ),
  ),
  pipeline: v.exactOptional(
    v.pipe(
      v.string(),
      v.nonEmpty(),
      v.maxLength(200),
      v.description("Only this pipeline; all of the files by default."),
    ),
  ),
  revision: v.exactOptional(
    v.pipe(
      v.string(),
      v.regex(/^[0-9a-f]{6,64}$/i, "expected a revision's id or its beginning"),
      v.description(
        "What to compare with, in the place of what is in force: a revision's id or its beginning.",
      ),
    ),
  ),
  base: v.exactOptional(v.pipe(
    v.strictObject({
      name: v.pipe(
        v.string(),
        v.nonEmpty(),
        v.maxLength(200),
        v.description("What people call it, as main."),
      ),
      files: v.pipe(projectFiles, v.description("Its files, as those of the request.")),
    }),
    v.description("What to compare with, in the place of what is in force: another state of the project."),
  )),
  select: v.exactOptional(
    v.pipe(
      v.string(),
      v.nonEmpty(),
      v.maxLength(10_000),
      v.description("Only changes of these steps, as for a run."),
    ),
  ),
  rows: v.exactOptional(v.pipe(
    v.strictObject({
      depth: v.exactOptional(
        v.pipe(
          v.number(),
          v.integer(),
          v.minValue(0),
          v.maxValue(10_000),
          v.description("How far behind a change models are built; all by default."),
        ),
      ),
      sample_percent: v.exactOptional(
        v.pipe(
          v.number(),
          v.gtValue(0),
          v.maxValue(100),
          v.description("How much of each table is compared; all by default."),
        ),
      ),
    }),
    v.description(
      "Both versions are built from the same rows, and compared; without it only definitions are.",
    ),
  )),
});

/** `/api/plan`. */
export function planRoutes() {
  return [
    route({
      method: "post",
      path: "/api/plan",
      operation: "planProject",
      summary: "What a change of the project would do, before it is applied; nothing is changed",
      permission: "pipeline:edit",
      request: v.object({ query: v.strictObject({}), body: planBody }),
      response: { status: 200, description: "What would change.", schema: projectPlanSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ body }, { engine, signal }) => {
        const { faults, pipelines } = await engine.plans.plan(requestOf(body), signal);
        return { body: { faults: [...faults], pipelines: [...pipelines] } };
      },
    }),
  ];
}

function requestOf(
  { files, environment, pipeline, revision, base, select, rows }: v.InferOutput<typeof planBody>,
): PlanRequest {
  return {
    project: { files },
    environment,
    pipeline,
    against: base !== undefined
      ? { kind: "project", name: base.name, source: { files: base.files } }
      : revision !== undefined
      ? { kind: "revision", id: revision }
      : { kind: "in_force" },
    select,
    rows: rows === undefined
      ? undefined
      : { depth: rows.depth ?? null, samplePercent: rows.sample_percent ?? null },
  };
}
