import * as v from "valibot";
import { columnCheckSchema, tableCheckSchema, tableReference } from "../../contract/checks/schema.ts";
import { nameSchema } from "../../contract/names.ts";

/**
 * The header of a model: the YAML in the `/* @sluice … *\/` comment at the head of its SQL file. The
 * schema validates, types the code and makes the published JSON Schema.
 */

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const columnList = v.pipe(v.array(text), v.minLength(1, "expected at least one column"));

const columnSchema = v.strictObject({
  type: v.optional(
    v.pipe(text, v.description("The type in DuckDB, as DECIMAL(18,2); another one is a fault.")),
  ),
  description: v.optional(v.pipe(v.string(), v.description("What it holds, for the page."))),
  checks: v.optional(
    v.pipe(v.array(columnCheckSchema), v.description("What must be true of it in each row.")),
    [],
  ),
});

/** What becomes of an incremental table's rows when the model's definition changes. */
const CHANGE_WAYS = ["fail", "append", "full_refresh"] as const;
export type ChangeWay = (typeof CHANGE_WAYS)[number];

const MATERIALIZATIONS = ["table", "view", "incremental"] as const;
export type Materialization = (typeof MATERIALIZATIONS)[number];

/** Objects drop these keys on their way through a schema, and a check that is lost is worse than a fault. */
const RESERVED_COLUMNS = ["__proto__", "prototype", "constructor"];

const headerObject = v.strictObject({
  description: v.optional(v.pipe(v.string(), v.description("One line for the page."))),
  tags: v.optional(v.pipe(v.array(text), v.description("Words to select it by, as tag:daily.")), []),
  materialized: v.optional(
    v.pipe(
      v.picklist(MATERIALIZATIONS),
      v.description(
        "table: built anew by each run. view: computed by its readers. incremental: rows are merged by primary_key.",
      ),
    ),
    "table",
  ),
  primary_key: v.optional(v.pipe(columnList, v.description("The columns that identify a row."))),
  update_key: v.optional(
    v.pipe(
      text,
      v.description("A column whose greatest value so far is getvariable('cursor') in the next run's SQL."),
    ),
  ),
  on_change: v.optional(
    v.pipe(
      v.picklist(CHANGE_WAYS),
      v.description(
        "When an incremental model has changed: fail stops before its rows are mixed, append keeps the old " +
          "rows, full_refresh builds it anew.",
      ),
    ),
    "fail",
  ),
  renamed_from: v.optional(
    v.pipe(
      nameSchema("model"),
      v.description("The name that the model had before: it takes over that table and its rows."),
    ),
  ),
  columns: v.optional(
    v.pipe(v.record(text, columnSchema), v.description("What is known of its columns, by name.")),
    {},
  ),
  checks: v.optional(
    v.pipe(v.array(tableCheckSchema), v.description("What must be true of the table as a whole.")),
    [],
  ),
  depends: v.optional(
    v.pipe(
      v.array(tableReference),
      v.description("Tables that it needs beside those that its SQL names; seldom needed."),
    ),
    [],
  ),
  enabled: v.optional(
    v.pipe(v.boolean(), v.description("false: it is neither built nor checked, and nothing may read it.")),
  ),
});

export const modelHeaderSchema = v.pipe(
  headerObject,
  v.forward(
    v.check(
      (header) => header.materialized !== "incremental" || header.primary_key !== undefined,
      "materialized: incremental needs primary_key",
    ),
    ["materialized"],
  ),
  v.forward(
    v.check(
      (header) => header.materialized === "incremental" || header.update_key === undefined,
      "update_key needs materialized: incremental",
    ),
    ["update_key"],
  ),
  v.title("The header of a model"),
);

/** What says something of one model only has no place in the defaults of a folder. */
const {
  description: _description,
  renamed_from: _renamed,
  columns: _columns,
  checks: _checks,
  ...SHARED_KEYS
} = headerObject.entries;

/** `_defaults.yaml`: keys of a header, for the models of its folder. */
export const defaultsSchema = v.pipe(
  v.strictObject({ $schema: v.optional(v.string()), ...SHARED_KEYS }),
  v.title("What the headers of a folder's models say where they say nothing themselves"),
);

export type ModelHeader = v.InferOutput<typeof modelHeaderSchema>;

/** Names of columns that a header cannot describe, in the header as it was written. */
export function reservedColumns(header: unknown): string[] {
  if (typeof header !== "object" || header === null || !("columns" in header)) return [];
  const { columns } = header;
  if (typeof columns !== "object" || columns === null) return [];
  return RESERVED_COLUMNS.filter((name) => Object.hasOwn(columns, name));
}
