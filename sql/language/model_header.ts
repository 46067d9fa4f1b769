import * as v from "valibot";
import { columnCheckSchema, tableCheckSchema, tableReference } from "../../contract/checks/schema.ts";
import { nameSchema } from "../../contract/names.ts";
import { buildKeys, buildRuleFaults } from "./build_header.ts";
import { isTypeText } from "./type_text.ts";

/**
 * The header of a model: the YAML in the `/* @sluice … *\/` comment at the head of its SQL file. The
 * schema validates, types the code and makes the published JSON Schema.
 */

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));

const columnSchema = v.pipe(
  v.strictObject({
    type: v.optional(
      v.pipe(
        text,
        v.check(isTypeText, "expected a type of DuckDB and nothing else, as DECIMAL(18,2)"),
        v.description("The type in DuckDB, as DECIMAL(18,2); another one is a fault."),
      ),
    ),
    description: v.optional(v.pipe(v.string(), v.description("What it holds, for the page."))),
    checks: v.optional(
      v.pipe(v.array(columnCheckSchema), v.description("What must be true of it in each row.")),
      [],
    ),
    pii: v.optional(
      v.pipe(
        v.boolean(),
        v.description(
          "true: it holds personal data, as all that is made of it. false: it holds none, though it is made of what does.",
        ),
      ),
    ),
    pii_reason: v.optional(v.pipe(text, v.description("Why pii: false is right, for whoever asks."))),
  }),
  v.forward(
    v.check(
      ({ pii, pii_reason: reason }) => pii !== false || reason !== undefined,
      "pii: false needs pii_reason: why it holds no personal data, though it is made of what does",
    ),
    ["pii"],
  ),
  v.forward(
    v.check(
      ({ pii, pii_reason: reason }) => pii === false || reason === undefined,
      "pii_reason goes with pii: false",
    ),
    ["pii_reason"],
  ),
);

/** Objects drop these keys on their way through a schema, and a check that is lost is worse than a fault. */
const RESERVED_COLUMNS = ["__proto__", "prototype", "constructor"];

const headerObject = v.strictObject({
  description: v.optional(v.pipe(v.string(), v.description("One line for the page."))),
  tags: v.optional(v.pipe(v.array(text), v.description("Words to select it by, as tag:daily.")), []),
  ...buildKeys,
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
  contract: v.optional(
    v.pipe(
      v.boolean(),
      v.description("true: columns lists all of its columns with their types, and there are no others."),
    ),
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
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const input = dataset.value;
    for (const { key, message } of buildRuleFaults(input)) {
      addIssue({ message, path: [{ type: "object", origin: "value", input, key, value: input[key] }] });
    }
  }),
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

/** `seeds/<name>.yaml`: what is known of a seed. */
export const seedSchema = v.pipe(
  v.strictObject({
    $schema: v.optional(v.string()),
    ...v.pick(headerObject, ["description", "tags", "primary_key", "columns", "checks", "enabled"]).entries,
  }),
  v.title("What is known of a seed"),
);
export type SeedHeader = v.InferOutput<typeof seedSchema>;

export type ModelHeader = v.InferOutput<typeof modelHeaderSchema>;

/** Names of columns that a header cannot describe, in the header as it was written. */
export function reservedColumns(header: unknown): string[] {
  if (typeof header !== "object" || header === null || !("columns" in header)) return [];
  const { columns } = header;
  if (typeof columns !== "object" || columns === null) return [];
  return RESERVED_COLUMNS.filter((name) => Object.hasOwn(columns, name));
}
