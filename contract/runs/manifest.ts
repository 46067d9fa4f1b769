import * as v from "valibot";
import { described } from "../described.ts";
import { paramValueSchema } from "../params/param_value.ts";

/** What a run was made of: kept with its steps, and put together when it is asked for. */

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const tableFactsSchema = v.object({
  table: described(v.string(), "In the warehouse: raw.orders, main.daily."),
  rows: described(v.nullable(count), "How many rows it had; null where they were not counted."),
  hash: described(
    v.nullable(v.string()),
    "Of its columns with their types and of its rows, whatever their order: 32 hexadecimal digits; null where there is none.",
  ),
  left_out: v.exactOptional(described(v.string(), "Why there is no hash, where there is none.")),
});
export type TableFacts = v.InferOutput<typeof tableFactsSchema>;

export const stepManifestSchema = v.object({
  sluice: described(v.string(), "The version of Sluice that did it."),
  duckdb: described(v.string(), "The version of DuckDB that did it."),
  moment: v.exactOptional(described(v.string(), "Of a model: what now() was in its SQL.")),
  window_start: v.exactOptional(
    described(
      v.nullable(v.string()),
      "Of a model: what it was built for, from here; null from the beginning.",
    ),
  ),
  window_end: v.exactOptional(described(v.string(), "Of a model: until before this.")),
  window_given: v.exactOptional(
    described(v.literal(true), "Of a model whose window was asked for; absent where it goes on by itself."),
  ),
  recipe: v.exactOptional(described(
    v.string(),
    "Of a model: a hash of what makes its rows of those that it reads: its SQL, its header, the macros, views and ephemeral models in it.",
  )),
  variables: v.exactOptional(described(
    v.record(v.string(), paramValueSchema),
    "Of a model: the values of the params and variables that its SQL reads.",
  )),
  taken: v.exactOptional(described(
    v.object({
      environment: described(v.string(), "Its name."),
      run: described(v.string(), "The run that built it there."),
    }),
    "Of a model whose rows were built in an environment, and taken over in a promotion.",
  )),
  inputs: v.exactOptional(described(
    v.array(tableFactsSchema),
    "Of a model: the tables that it was built from, those behind views and ephemeral models among them.",
  )),
  before: v.exactOptional(
    described(tableFactsSchema, "Of a model that goes on with its table: that table as it was before."),
  ),
  output: v.exactOptional(described(tableFactsSchema, "Of a model: what was made.")),
});
export type StepManifest = v.InferOutput<typeof stepManifestSchema>;
