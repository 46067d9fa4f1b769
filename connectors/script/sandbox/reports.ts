import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import type { JsonValue } from "../../../contract/json.ts";
import { FrameFault } from "./frame_fault.ts";
import { REQUEST_CODES, type ScriptFailure } from "./frames.ts";

/** What a sandbox says in JSON, which is believed as little as the rest. */

const MAX_SHOWN = 4_000;
const MAX_STATE_BYTES = 16e6;

const shown = v.pipe(v.string(), v.transform((text) => text.slice(0, MAX_SHOWN).toWellFormed()));
const json: v.GenericSchema<unknown, JsonValue> = v.lazy(() =>
  v.union([v.null(), v.boolean(), v.number(), v.string(), v.array(json), v.record(v.string(), json)])
);
const schemas = {
  log: v.object({ level: v.picklist(["info", "warn"]), message: shown }),
  state: json,
  end: v.object({ rows: v.number() }),
  taken: v.object({ rejected: v.array(v.tuple([v.number(), shown])) }),
  signature: v.object({
    headers: v.record(v.string(), v.string()),
    params: v.record(v.string(), v.union([v.string(), v.array(v.string())])),
    url: v.nullable(v.string()),
  }),
  failure: v.object({
    name: shown,
    message: shown,
    stack: shown,
    url: v.string(),
    isAboutRows: v.boolean(),
    code: v.nullable(v.picklist(REQUEST_CODES)),
    call: v.optional(v.pipe(v.string(), v.transform((text) => text.slice(0, MAX_SHOWN).toWellFormed()))),
  }),
};

/** Throws FrameFault. */
export function parseReport<Kind extends keyof typeof schemas>(
  kind: Kind,
  payload: Uint8Array,
): v.InferOutput<typeof schemas[Kind]> {
  if (payload.length > MAX_STATE_BYTES) throw new FrameFault(`a ${kind} that is too large`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    throw new FrameFault(`a ${kind} that is no JSON`);
  }
  const parsed = v.safeParse(schemas[kind], value);
  if (parsed.success) return parsed.output;
  throw new FrameFault(`a ${kind} of another form`);
}

/** What places in the project's own files begin with, by the source map of a script's module. */
const SOURCE_ROOT = "project:///";
const PLACE = /project:\/\/\/(scripts\/[^\s:()]+:\d+(?::\d+)?)/;

/** Errors of JavaScript and of Python that say that the code is wrong: tried again they come again. */
const FAULTS_OF_CODE = [
  ...["TypeError", "ReferenceError", "SyntaxError", "RangeError", "EvalError"],
  ...[
    "NameError",
    "UnboundLocalError",
    "AttributeError",
    "ImportError",
    "ModuleNotFoundError",
    "IndentationError",
  ],
  ...["TabError", "RecursionError", "PermissionError"],
];

/** The failure with its place in the script: `scripts/orders.ts:8:11: TypeError: …`. */
export function scriptError(
  path: string,
  { name, message, stack, url, isAboutRows, code }: ScriptFailure,
): AppError {
  // Places in the module itself are those of code that no file of the project has.
  const places = (text: string) =>
    (url === "" ? text : text.replaceAll(url, path)).replaceAll(SOURCE_ROOT, "");
  const at = PLACE.exec(stack)?.[1] ?? path;
  const what = isAboutRows ? "" : `${name}: `;
  const isLasting = isAboutRows || FAULTS_OF_CODE.includes(name);
  return new AppError(
    code ?? (isLasting ? "invalid" : "unavailable"),
    `${at}: ${what}${firstLines(places(message))}`,
    {
      detail: places(stack),
    },
  );
}

/** Of what a parser draws around an error. */
const firstLines = (message: string): string => message.split("\n").slice(0, 5).join("\n").trim();
