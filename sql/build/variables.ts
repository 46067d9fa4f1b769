import { AppError } from "../../contract/errors.ts";
import type { ParamDefinition, ParamType } from "../../contract/pipeline/pipeline.ts";
import type { ParamValue } from "../../contract/run.ts";
import { quoteIdentifier, quoteLiteral, type SqlSession } from "../../contract/sql.ts";
import { didYouMean, didYouMeanOneOf } from "../../text/suggest.ts";

/** What a run sets for its SQL: `getvariable('run_id')` and so on, and one variable for each param. */
export interface RunVariables {
  readonly runId: string;
  readonly pipeline: string;
  readonly runStart: Date;
  /** null where there was no run before. */
  readonly windowStart: Date | null;
  readonly windowEnd: Date;
  /** The pipeline's params. */
  readonly definitions: Readonly<Record<string, ParamDefinition>>;
  /** As resolveParams returns them. */
  readonly params: Readonly<Record<string, ParamValue>>;
}

/** Set for every run; `cursor` while an incremental model is built. */
export const RUN_VARIABLES = [
  "run_id",
  "pipeline",
  "run_start",
  "window_start",
  "window_end",
  "cursor",
] as const;

const SQL_TYPES: Readonly<Record<ParamType, string>> = {
  string: "VARCHAR",
  integer: "BIGINT",
  number: "DOUBLE",
  boolean: "BOOLEAN",
  date: "DATE",
  timestamp: "TIMESTAMP WITH TIME ZONE",
};

/** Sets the variables of a run; each has its type even where it is NULL. */
export async function setRunVariables(session: SqlSession, variables: RunVariables): Promise<void> {
  await session.run([
    assignment("run_id", variables.runId, "string"),
    assignment("pipeline", variables.pipeline, "string"),
    assignment("run_start", variables.runStart.toISOString(), "timestamp"),
    assignment("window_start", variables.windowStart?.toISOString() ?? null, "timestamp"),
    assignment("window_end", variables.windowEnd.toISOString(), "timestamp"),
    ...Object.entries(variables.definitions).map(([name, { type }]) =>
      assignment(name, variables.params[name] ?? null, type)
    ),
  ].join(";\n"));
}

/** Sets the variables with their types and without values, so that SQL that reads them can be bound. */
export async function declareRunVariables(
  session: SqlSession,
  definitions: Readonly<Record<string, ParamDefinition>>,
): Promise<void> {
  await session.run([
    ...["run_id", "pipeline"].map((name) => assignment(name, null, "string")),
    ...["run_start", "window_start", "window_end"].map((name) => assignment(name, null, "timestamp")),
    ...Object.entries(definitions).map(([name, { type }]) => assignment(name, null, type)),
  ].join(";\n"));
}

function assignment(name: string, value: ParamValue, type: ParamType): string {
  const literal = value === null ? "NULL" : quoteLiteral(String(value));
  return `SET VARIABLE ${quoteIdentifier(name)} = CAST(${literal} AS ${SQL_TYPES[type]})`;
}

/**
 * The params of a run: what was given, in the params' own types (text is read as the command line
 * gives it), and the defaults of the rest. Throws invalid that names every unknown, missing or wrong one.
 */
export function resolveParams(
  definitions: Readonly<Record<string, ParamDefinition>>,
  given: Readonly<Record<string, unknown>>,
): Record<string, ParamValue> {
  const faults: string[] = [];
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(definitions, name)) {
      faults.push(`there is no param ${name}${didYouMeanOneOf(name, Object.keys(definitions))}`);
    }
  }
  const resolved: [string, ParamValue][] = [];
  for (const [name, definition] of Object.entries(definitions)) {
    const isGiven = Object.hasOwn(given, name) && given[name] !== undefined;
    if (!isGiven && definition.default === undefined) {
      faults.push(`the param ${name} has no value and no default`);
      continue;
    }
    const read = readParam(definition, isGiven ? given[name] : definition.default);
    if ("fault" in read) faults.push(`the param ${name} ${read.fault}`);
    else resolved.push([name, read.value]);
  }
  if (faults.length > 0) throw new AppError("invalid", `Cannot use these params: ${faults.join("; ")}`);
  return Object.fromEntries(resolved);
}

/** What is wrong with a pipeline's params by themselves, with the path below `params`. */
export function paramFaults(
  definitions: Readonly<Record<string, ParamDefinition>>,
): { readonly path: readonly (string | number)[]; readonly message: string }[] {
  const faults: { path: (string | number)[]; message: string }[] = [];
  const seen = new Set<string>(RUN_VARIABLES);
  for (const [name, definition] of Object.entries(definitions)) {
    const key = name.toLowerCase();
    if (seen.has(key)) {
      const isBuiltIn = RUN_VARIABLES.some((variable) => variable === key);
      faults.push({
        path: [name],
        message: isBuiltIn ? `${name} is a variable of every run: use another name` : `${name} is here twice`,
      });
    }
    seen.add(key);
    for (const [index, value] of definition.enum?.entries() ?? []) {
      const read = readValue(definition.type, value);
      if ("fault" in read) faults.push({ path: [name, "enum", index], message: read.fault });
    }
    if (definition.default === undefined || faults.some((fault) => fault.path[0] === name)) continue;
    const read = readParam(definition, definition.default);
    if ("fault" in read) faults.push({ path: [name, "default"], message: read.fault });
  }
  return faults;
}

type Read<T> = { readonly value: T } | { readonly fault: string };

function readParam(definition: ParamDefinition, input: unknown): Read<ParamValue> {
  if (input === null) {
    return definition.default === null ? { value: null } : { fault: "must have a value, but got null" };
  }
  const read = readValue(definition.type, input);
  if ("fault" in read || definition.enum === undefined) return read;
  const allowed = definition.enum.flatMap((value) => {
    const option = readValue(definition.type, value);
    return "fault" in option ? [] : [option.value];
  });
  if (allowed.includes(read.value)) return read;
  const hint = typeof read.value === "string" ? didYouMean(read.value, allowed.map(String)) : "";
  return { fault: `must be one of ${allowed.join(", ")}, but got ${shown(input)}${hint}` };
}

type Scalar = string | number | boolean;

function readValue(type: ParamType, input: unknown): Read<Scalar> {
  const wrong = (expected: string): Read<Scalar> => ({
    fault: `must be ${expected}, but got ${shown(input)}`,
  });
  switch (type) {
    case "string":
      if (typeof input !== "string") return wrong("text");
      return input.includes("\0") ? { fault: "must not hold a NUL character" } : { value: input };
    case "integer":
      return readInteger(input) ?? wrong("a whole number of at most 64 bits");
    case "number":
      return readNumber(input) ?? wrong("a number");
    case "boolean":
      if (typeof input === "boolean") return { value: input };
      return input === "true" || input === "false" ? { value: input === "true" } : wrong("true or false");
    case "date":
      return readDate(input) ?? wrong("a date such as 2024-01-31");
    case "timestamp":
      return readTimestamp(input) ??
        wrong("a timestamp such as 2024-01-31T12:00:00Z (UTC where it has no zone)");
  }
}

/** Beyond 2^53 an integer stays text, as a number cannot hold it. */
function readInteger(input: unknown): Read<Scalar> | undefined {
  if (typeof input === "number") return Number.isSafeInteger(input) ? { value: input } : undefined;
  if (typeof input !== "string" || !/^[-+]?\d{1,19}$/.test(input)) return undefined;
  const value = BigInt(input.replace(/^\+/, ""));
  if (BigInt.asIntN(64, value) !== value) return undefined;
  return { value: Number.isSafeInteger(Number(value)) ? Number(value) : value.toString() };
}

function readNumber(input: unknown): Read<Scalar> | undefined {
  if (typeof input === "number") return Number.isFinite(input) ? { value: input } : undefined;
  if (typeof input !== "string" || !/^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(input)) {
    return undefined;
  }
  const value = Number(input);
  return Number.isFinite(value) ? { value } : undefined;
}

function readDate(input: unknown): Read<Scalar> | undefined {
  if (typeof input !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(input)) return undefined;
  return isRealDay(input) ? { value: input } : undefined;
}

const TIMESTAMP =
  /^(\d{4}-\d{2}-\d{2})(?:[T ]((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?)(Z|[-+]\d{2}(?::?\d{2})?)?)?$/i;

/** Keeps microseconds, which Date would lose. */
function readTimestamp(input: unknown): Read<Scalar> | undefined {
  const match = typeof input === "string" ? TIMESTAMP.exec(input) : null;
  if (match === null) return undefined;
  const [, day = "", clock = "00:00", zone = "Z"] = match;
  if (!isRealDay(day)) return undefined;
  const time = clock.length === 5 ? `${clock}:00` : clock;
  const offset = /^([-+])(\d{2}):?(\d{2})?$/.exec(zone);
  if (offset === null) return { value: `${day}T${time}Z` };
  const [, sign, hours = "00", minutes = "00"] = offset;
  if (Number(hours) > 15 || Number(minutes) > 59) return undefined;
  return { value: `${day}T${time}${sign}${hours}:${minutes}` };
}

function isRealDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function shown(input: unknown): string {
  const text = JSON.stringify(input) ?? String(input);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
