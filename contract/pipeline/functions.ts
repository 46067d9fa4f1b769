import * as v from "valibot";
import { parseSize, SIZE_PATTERN } from "../../text/size.ts";
import { FUNCTION_TYPES, parseFunctionType } from "./function_type.ts";
import { isPython, SCRIPT_PATH_PATTERN } from "./scripts.ts";
import { durationMs, someTime, text } from "./words.ts";

/** Scripts of the project that a pipeline's SQL calls as functions of one value a row: `clean_phone(phone)`. */

const typeName = v.pipe(
  v.string(),
  v.check(
    (written) => parseFunctionType(written) !== undefined,
    `expected one of ${FUNCTION_TYPES.join(", ")}, DECIMAL(18, 2)`,
  ),
);

/** Of a function that says nothing of them. */
export const FUNCTION_LIMITS = { memory: "256MB", timeout: "30s", cpu: "30m" };
const MAX_PARAMETERS = 32;

export const functionSchema = v.strictObject({
  script: v.pipe(
    text,
    v.regex(SCRIPT_PATH_PATTERN, "expected a file of the project's folder scripts/, as scripts/clean.ts"),
    v.check((path) => !isPython(path), "a function of SQL is a script in TypeScript, not in Python"),
    v.description(
      "A script of the project whose default export is the function, as scripts/clean_phone.ts; it runs in a sandbox.",
    ),
  ),
  parameters: v.pipe(
    v.array(typeName),
    v.maxLength(MAX_PARAMETERS, `expected at most ${MAX_PARAMETERS} parameters`),
    v.description("The types of its arguments, as [VARCHAR, DECIMAL(18, 2)]."),
  ),
  returns: v.pipe(typeName, v.description("The type of its result.")),
  nulls: v.optional(
    v.pipe(
      v.picklist(["skip", "call"]),
      v.description(
        "What a NULL among the arguments means: the result is NULL without a call (skip, the default), or a call with null.",
      ),
    ),
    "skip",
  ),
  volatile: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "Whether it may give different results for the same arguments; DuckDB then calls it for each row. False by default.",
      ),
    ),
    false,
  ),
  memory: v.optional(
    v.pipe(
      v.string(),
      v.regex(SIZE_PATTERN, "expected a size such as 256MB or 1GB"),
      v.check((size) => (parseSize(size) ?? 0) >= 32e6, "expected at least 32MB"),
      v.description(`The most memory of the script's own; ${FUNCTION_LIMITS.memory} by default.`),
    ),
  ),
  timeout: v.optional(
    v.pipe(
      someTime,
      v.check((time) => durationMs(time) <= 600_000, "expected at most 10m"),
      v.description(
        `The longest that up to 2,048 calls may take together; ${FUNCTION_LIMITS.timeout} by default.`,
      ),
    ),
  ),
  cpu: v.optional(
    v.pipe(
      someTime,
      v.description(
        `The most time of a processor that all calls of a run may take; ${FUNCTION_LIMITS.cpu} by default.`,
      ),
    ),
  ),
});

export type FunctionDefinition = v.InferOutput<typeof functionSchema>;

/** Whether SQL may call the function: its name stands before a parenthesis. */
export const mayCall = (sql: string, name: string): boolean =>
  new RegExp(`(?<![\\w$])"?${name}"?\\s*\\(`, "i").test(sql);
