import * as v from "valibot";
import { environmentsSchema } from "../environments/definition.ts";
import { piiRulesSchema } from "../lineage/pii.ts";
import { nameSchema } from "../names.ts";
import { isRequired, paramSchema } from "../params/definition.ts";

/** What all pipelines of a project share, as its project.yaml has it. */

const variableSchema = v.pipe(
  paramSchema,
  v.forward(
    v.check(
      (variable) => !isRequired(variable),
      "a variable of the project needs a default, as no run has to give it (or required: false, to be NULL)",
    ),
    ["default"],
  ),
);

export const projectSchema = v.strictObject({
  $schema: v.optional(v.string()),
  variables: v.optional(
    v.pipe(
      v.record(nameSchema("param"), variableSchema),
      v.description(
        "Values for the SQL of all pipelines, as getvariable('name'); each pipeline that reads one has it as a param.",
      ),
    ),
  ),
  environments: v.optional(environmentsSchema),
  rules: v.optional(
    v.pipe(
      v.strictObject({
        pii: v.optional(
          v.pipe(piiRulesSchema, v.description("Where columns with personal data may be loaded.")),
        ),
      }),
      v.description("What must hold in all pipelines."),
    ),
  ),
});
export type ProjectFile = v.InferOutput<typeof projectSchema>;
