import * as v from "valibot";
import { text } from "../pipeline/words.ts";
import type { SourcePlace } from "../../text/fault.ts";
import { tableReference } from "../checks/schema.ts";

/** Tests of single models, as `tests/*.yaml` has them: given rows in, expected rows out. */

const rows = v.array(v.record(text, v.unknown()));
const moment = v.pipe(
  v.string(),
  v.check((time) => !Number.isNaN(Date.parse(time)), "expected a time such as 2024-01-31T00:00:00Z"),
);

const givenSchema = v.union([
  v.pipe(rows, v.description("Its rows; a column that is left out is NULL.")),
  v.pipe(text, v.description("A CSV file with a header, by its path from this file.")),
  v.pipe(
    v.strictObject({
      rows: v.optional(v.pipe(rows, v.description("Its rows; a column that is left out is NULL."))),
      file: v.optional(v.pipe(text, v.description("A CSV file with a header, by its path from this file."))),
      columns: v.optional(
        v.pipe(
          v.record(text, text),
          v.description("Types of columns, where they are not known or others, as {id: BIGINT}."),
        ),
      ),
    }),
    v.check((given) => (given.rows === undefined) !== (given.file === undefined), "expected rows or file"),
  ),
], "expected a list of rows, or the path of a CSV file");

const expectSchema = v.union([
  v.pipe(rows, v.description("The rows that the model gives. Columns that no row has are not compared.")),
  v.pipe(text, v.description("A CSV file with a header, by its path from this file.")),
  v.pipe(
    v.strictObject({
      rows: v.optional(v.pipe(rows, v.description("The rows that the model gives."))),
      file: v.optional(v.pipe(text, v.description("A CSV file with a header, by its path from this file."))),
      columns: v.optional(
        v.pipe(v.array(text), v.description("The columns that are compared, and no others.")),
      ),
      ordered: v.optional(v.pipe(v.boolean(), v.description("Whether the rows come in this order."))),
      tolerance: v.optional(
        v.pipe(
          v.number(),
          v.gtValue(0),
          v.description("By how much numbers with a fraction may differ; by default not at all."),
        ),
      ),
    }),
    v.check(
      (expect) => (expect.rows === undefined) !== (expect.file === undefined),
      "expected rows or file",
    ),
  ),
], "expected a list of rows, or the path of a CSV file");

export const unitTestSchema = v.strictObject({
  name: v.pipe(text, v.description("What it shows, for people: leaves out cancelled orders.")),
  description: v.optional(v.pipe(v.string(), v.description("More about it."))),
  model: v.pipe(
    v.string(),
    v.regex(
      /^(?:[A-Za-z_][A-Za-z0-9_-]*\.)?[A-Za-z_][A-Za-z0-9_]*$/,
      "expected a model such as daily, or orders.daily with its pipeline",
    ),
    v.description("The model, as orders.daily; the pipeline may be left out where only one has it."),
  ),
  pipeline: v.optional(v.pipe(text, v.description("Its pipeline, where model does not name it."))),
  given: v.optional(
    v.pipe(
      v.record(tableReference, givenSchema),
      v.description(
        "The rows of every table that the model reads, by their names. Of an incremental model its own: what is there before.",
      ),
    ),
  ),
  expect: v.pipe(expectSchema, v.description("The rows that its query gives.")),
  params: v.optional(
    v.pipe(v.record(text, v.unknown()), v.description("Values of the pipeline's params and of variables.")),
  ),
  run_start: v.optional(
    v.pipe(moment, v.description("getvariable('run_start'); 2000-01-01T00:00:00Z where left out.")),
  ),
  window_start: v.optional(
    v.pipe(moment, v.description("getvariable('window_start'); NULL where left out.")),
  ),
  window_end: v.optional(
    v.pipe(moment, v.description("getvariable('window_end'); run_start where left out.")),
  ),
});

export const unitTestsSchema = v.pipe(v.array(unitTestSchema), v.title("Tests of models"));

/** A value as its author wrote it: a text that the column's type reads, or JSON for what is nested. */
export type TestValue = null | { readonly text: string } | { readonly json: string };

export interface TestRow {
  readonly place: SourcePlace;
  readonly values: Readonly<Record<string, TestValue>>;
}

export interface TestTable {
  readonly place: SourcePlace;
  /** Columns that its rows have, each once, in the order in which they come. */
  readonly columns: readonly string[];
  readonly rows: readonly TestRow[];
}

/** A test as a process that runs it gets it. */
export interface UnitTest {
  readonly name: string;
  readonly place: SourcePlace;
  readonly model: string;
  readonly modelPlace: SourcePlace;
  /** By the tables' names as the test writes them. */
  readonly given: Readonly<Record<string, TestTable & { readonly types: Readonly<Record<string, string>> }>>;
  readonly expect: TestTable & { readonly ordered: boolean; readonly tolerance: number };
  readonly params: Readonly<Record<string, unknown>>;
  readonly paramsPlace: SourcePlace;
  readonly runStartMs: number;
  readonly windowStartMs: number | null;
  readonly windowEndMs: number;
}
