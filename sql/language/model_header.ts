import * as v from "valibot";
import { MODEL_NAME_LENGTH, NAME_PATTERN, nameSchema } from "../../contract/names.ts";

/**
 * The header of a model: the YAML in the `/* @sluice … *\/` comment at the head of its SQL file. The
 * schema validates, types the code and makes the published JSON Schema.
 */

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const columnList = v.pipe(v.array(text), v.minLength(1, "expected at least one column"));

/** `daily`, `main.daily` or `raw.orders`. */
const TABLE_NAME_PATTERN = new RegExp(
  `^(?:(?:main|raw)\\.)?[A-Za-z_][A-Za-z0-9_]{0,${MODEL_NAME_LENGTH - 1}}$`,
);
const tableName = v.pipe(
  v.string(),
  v.regex(TABLE_NAME_PATTERN, "expected a model such as daily, or a stream such as raw.orders"),
);
const checkName = v.pipe(
  v.string(),
  v.regex(NAME_PATTERN, "expected a letter or _, then letters, digits or _, at most 63 characters"),
);

const SEVERITIES = ["error", "warn"] as const;
export type Severity = (typeof SEVERITIES)[number];

const severity = v.optional(
  v.pipe(
    v.picklist(SEVERITIES),
    v.description("error: the run fails. warn: the run goes on and reports it."),
  ),
  "error",
);

const SIMPLE_CHECKS = ["not_null", "unique"] as const;
const CHECK_KINDS = ["not_null", "unique", "accepted_values", "relationships", "sql"] as const;

const columnCheckSchema = v.union([
  v.picklist(SIMPLE_CHECKS),
  v.pipe(
    v.strictObject({
      not_null: v.optional(v.pipe(v.literal(true), v.description("No row has NULL here."))),
      unique: v.optional(
        v.pipe(v.literal(true), v.description("No value comes twice; NULLs are not counted.")),
      ),
      accepted_values: v.optional(
        v.pipe(
          v.array(v.union([v.string(), v.number(), v.boolean()])),
          v.minLength(1, "expected at least one value"),
          v.description("The only values allowed, beside NULL."),
        ),
      ),
      relationships: v.optional(
        v.pipe(
          v.strictObject({
            to: v.pipe(tableName, v.description("A model, or a stream as raw.orders.")),
            column: v.pipe(text, v.description("The column there that must have the value.")),
          }),
          v.description("Each value, beside NULL, is found in a column of another table."),
        ),
      ),
      sql: v.optional(
        v.pipe(
          text,
          v.description("An expression that must not be false for any row, as amount >= 0; NULL passes."),
        ),
      ),
      severity,
      name: v.optional(v.pipe(checkName, v.description("Its name in runs; made up where left out."))),
    }),
    v.check(
      (check) => CHECK_KINDS.filter((kind) => check[kind] !== undefined).length === 1,
      `expected exactly one of ${CHECK_KINDS.join(", ")}`,
    ),
  ),
]);

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

const modelCheckSchema = v.strictObject({
  name: v.optional(v.pipe(checkName, v.description("Its name in runs; made up where left out."))),
  sql: v.pipe(text, v.description("A SELECT of the rows that are wrong; any row is a failure.")),
  severity,
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
    v.pipe(v.array(modelCheckSchema), v.description("Queries that must find no row.")),
    [],
  ),
  depends: v.optional(
    v.pipe(
      v.array(tableName),
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
export type ColumnCheckDefinition = v.InferOutput<typeof columnCheckSchema>;

/** Names of columns that a header cannot describe, in the header as it was written. */
export function reservedColumns(header: unknown): string[] {
  if (typeof header !== "object" || header === null || !("columns" in header)) return [];
  const { columns } = header;
  if (typeof columns !== "object" || columns === null) return [];
  return RESERVED_COLUMNS.filter((name) => Object.hasOwn(columns, name));
}
