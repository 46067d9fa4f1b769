import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import { nameSchema } from "../../../contract/names.ts";
import { text } from "../../../contract/pipeline/words.ts";
import { checkSchema } from "../../../text/schema_faults.ts";
import { parseYamlDocument } from "../../../text/yaml_document.ts";
import { placeOf } from "../named_entries.ts";
import { secretsIn, valuesIn } from "./placeholders.ts";

/**
 * A ready-made definition of an API: the entry of connectors.yaml and the streams of a pipeline, with what is left to the user
 * as named values. A file of the catalogue parses to one; what reads another description of an API makes one.
 */

const PLACEHOLDER_NAME = /^[a-z][a-z0-9_]*$/;

const valueSchema = v.strictObject({
  description: v.pipe(text, v.description("What the user has to give, and where it is found.")),
  example: v.pipe(text, v.description("As acme.")),
  default: v.optional(v.pipe(text, v.description("Used where the user gives none."))),
  pattern: v.optional(
    v.pipe(
      text,
      v.check(isPattern, "expected a regular expression"),
      v.description("A regular expression that the whole value, or each item of a list, has to match."),
    ),
  ),
  list: v.optional(
    v.pipe(v.boolean(), v.description("Whether it is several with commas between; for for_each of streams.")),
    false,
  ),
});

const secretSchema = v.strictObject({
  description: v.pipe(text, v.description("What it is, where it is found, and what it has to be allowed.")),
});

const streamSchema = v.looseObject({
  description: v.pipe(text, v.description("What a row is, and what the stream leaves out.")),
  for_each: v.optional(
    v.pipe(
      text,
      v.description(
        "The name of a value with list: true: there is a stream for each of its items, named by it; {values.<name>} is the item.",
      ),
    ),
  ),
});

const apiObject = v.strictObject({
  $schema: v.optional(v.string()),
  title: v.pipe(text, v.description("The API's name, as GitHub.")),
  description: v.pipe(text, v.description("What the streams hold, in a line.")),
  documentation: v.optional(v.pipe(text, v.description("The address of the API's own documentation."))),
  values: v.optional(
    v.pipe(
      v.record(v.pipe(v.string(), v.regex(PLACEHOLDER_NAME, "expected a name as owner")), valueSchema),
      v.description("What the user has to give; {values.<name>} stands for it in connector and streams."),
    ),
    {},
  ),
  secrets: v.optional(
    v.pipe(v.record(text, secretSchema), v.description("Every ${secret:NAME} of the connector.")),
    {},
  ),
  connector: v.pipe(
    v.looseObject({ type: v.literal("http") }),
    v.description("The entry of connectors.yaml, as the connector http has it."),
  ),
  streams: v.pipe(
    v.record(nameSchema("stream"), streamSchema),
    v.description("Streams of the pipeline, without their connector; each has all its keys beside."),
  ),
});

export const apiDefinitionSchema = v.pipe(
  apiObject,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const message of inconsistencies(dataset.value)) addIssue({ message });
  }),
);

export type ApiDefinition = v.InferOutput<typeof apiObject>;
export type ApiValue = v.InferOutput<typeof valueSchema>;

/** Reads a definition's YAML; `file` is what faults name. Throws `invalid` with the faults. */
export function parseApiDefinition(source: string, file: string): ApiDefinition {
  const document = parseYamlDocument(source, file);
  const fail = (faults: AppError["faults"]) =>
    new AppError("invalid", `Cannot read the definition of an API in ${file}`, { faults });
  if (document.value === undefined) throw fail(document.faults);
  const found = checkSchema(apiDefinitionSchema, document.value);
  if ("output" in found) return found.output;
  throw fail(
    found.faults.map((fault) => ({
      ...placeOf(document, fault),
      message: fault.message,
      severity: "error",
    })),
  );
}

/** Values and secrets that are named and not described, or described and not named. */
function inconsistencies(api: ApiDefinition): string[] {
  const { description, connector, streams, values, secrets } = api;
  const lists = Object.values(streams).flatMap(({ for_each: list }) => list ?? []);
  const used = new Set([...valuesIn([description, connector, streams]), ...lists]);
  const named = new Set(secretsIn(connector));
  const missing = (kind: string, all: Iterable<string>, described: object) =>
    [...all].filter((name) => !Object.hasOwn(described, name)).map((name) =>
      `${kind} ${name} is used, and not described`
    );
  const unused = (kind: string, described: object, all: ReadonlySet<string>) =>
    Object.keys(described).filter((name) => !all.has(name)).map((name) =>
      `${kind} ${name} is described, and not used`
    );
  return [
    ...missing("value", used, values),
    ...unused("value", values, used),
    ...missing("secret", named, secrets),
    ...unused("secret", secrets, named),
    ...lists.filter((name) => values[name]?.list === false).map((name) =>
      `for_each needs a value with list: true, and ${name} has none`
    ),
  ];
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, "u");
    return true;
  } catch {
    return false;
  }
}
