import { didYouMean, didYouMeanOneOf } from "../../text/suggest.ts";
import { AppError } from "../errors.ts";
import type { ParamValue } from "../run.ts";
import {
  defaultOf,
  isRequired,
  type ParamDefinition,
  type ParamDefinitions,
  type ParamType,
} from "./definition.ts";

/** What a run is given for its params, against what the pipeline says of them. */

/**
 * The params of a run: what was given, in the params' own types (text is read as the command line
 * gives it), and the defaults of the rest. Throws invalid that names every unknown, missing or wrong one.
 */
export function resolveParams(
  definitions: ParamDefinitions,
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
    if (!isGiven && isRequired(definition)) {
      faults.push(`the param ${name} has no value and no default`);
      continue;
    }
    const read = readParam(definition, isGiven ? given[name] : defaultOf(definition));
    if ("fault" in read) faults.push(`the param ${name} ${read.fault}`);
    else resolved.push([name, read.value]);
  }
  if (faults.length > 0) throw new AppError("invalid", `Cannot use these params: ${faults.join("; ")}`);
  return Object.fromEntries(resolved);
}

/**
 * What is wrong with a pipeline's params by themselves, with the path below `params`. `reserved` are names that no param may
 * have.
 */
export function paramFaults(
  definitions: ParamDefinitions,
  reserved: readonly string[],
): { readonly path: readonly (string | number)[]; readonly message: string }[] {
  const faults: { path: (string | number)[]; message: string }[] = [];
  const seen = new Set<string>(reserved);
  for (const [name, definition] of Object.entries(definitions)) {
    const key = name.toLowerCase();
    if (seen.has(key)) {
      const isBuiltIn = reserved.includes(key);
      faults.push({
        path: [name],
        message: isBuiltIn ? `${name} is a variable of every run: use another name` : `${name} is here twice`,
      });
    }
    seen.add(key);
    const found = ruleFaults(definition);
    faults.push(...found.map(({ path, message }) => ({ path: [name, ...path], message })));
    if (definition.default === undefined || faults.some((fault) => fault.path[0] === name)) continue;
    const read = readParam(definition, definition.default);
    if ("fault" in read) faults.push({ path: [name, "default"], message: read.fault });
  }
  return faults;
}

/** Of rules that do not go with the type, or with each other. */
function ruleFaults(
  definition: ParamDefinition,
): { readonly path: readonly (string | number)[]; readonly message: string }[] {
  const { type, min, max, pattern } = definition;
  const faults: { path: (string | number)[]; message: string }[] = [];
  if (definition.required === true && definition.default !== undefined) {
    faults.push({ path: ["required"], message: "has a default, so a run may leave it out" });
  }
  for (const [index, value] of definition.enum?.entries() ?? []) {
    const read = readValue(type, value);
    if ("fault" in read) faults.push({ path: ["enum", index], message: read.fault });
  }
  for (const [key, bound] of [["min", min], ["max", max]] as const) {
    if (bound === undefined) continue;
    if (type === "string" || type === "boolean") {
      faults.push({ path: [key], message: `goes with numbers, dates and timestamps, not with ${type}` });
      continue;
    }
    const read = readValue(type, bound);
    if ("fault" in read) faults.push({ path: [key], message: read.fault });
  }
  if (pattern !== undefined) {
    const fault = type === "string" ? patternFault(pattern) : `goes with string, not with ${type}`;
    if (fault !== undefined) faults.push({ path: ["pattern"], message: fault });
  }
  if (faults.length === 0 && min !== undefined && max !== undefined) {
    const [least, greatest] = [readValue(type, min), readValue(type, max)];
    if ("value" in least && "value" in greatest && isBefore(type, greatest.value, least.value)) {
      faults.push({ path: ["max"], message: `is less than min (${min})` });
    }
  }
  return faults;
}

function patternFault(pattern: string): string | undefined {
  try {
    // By itself as well: what closes a bracket of ours would be another pattern.
    new RegExp(pattern, "u");
    wholeMatch(pattern);
    return undefined;
  } catch (error) {
    return `is no regular expression: ${error instanceof Error ? error.message : error}`;
  }
}

/** As an `<input>` and a JSON Schema that is anchored take it. */
export const wholePattern = (pattern: string): string => `^(?:${pattern})$`;
const wholeMatch = (pattern: string): RegExp => new RegExp(wholePattern(pattern), "u");

/** A pattern that goes back and forth takes its time by the length of the text. */
const MAX_MATCHED_LENGTH = 1_000;

type Read<T> = { readonly value: T } | { readonly fault: string };

/** One value by its definition, in the param's own type, or why it cannot be. */
export function readParam(definition: ParamDefinition, input: unknown): Read<ParamValue> {
  if (input === null) {
    return defaultOf(definition) === null ? { value: null } : { fault: "must have a value, but got null" };
  }
  const read = readValue(definition.type, input);
  if ("fault" in read) return read;
  const fault = brokenRule(definition, read.value, input);
  return fault === undefined ? read : { fault };
}

function brokenRule(definition: ParamDefinition, value: Scalar, input: unknown): string | undefined {
  const { type, min, max, pattern } = definition;
  if (definition.enum !== undefined) {
    const allowed = definition.enum.flatMap((option) => valueOf(type, option) ?? []);
    if (!allowed.includes(value)) {
      const hint = typeof value === "string" ? didYouMean(value, allowed.map(String)) : "";
      return `must be one of ${allowed.join(", ")}, but got ${shown(input)}${hint}`;
    }
  }
  const [least, greatest] = [valueOf(type, min), valueOf(type, max)];
  if (least !== undefined && isBefore(type, value, least)) {
    return `must be at least ${min}, but got ${shown(input)}`;
  }
  if (greatest !== undefined && isBefore(type, greatest, value)) {
    return `must be at most ${max}, but got ${shown(input)}`;
  }
  if (pattern === undefined || typeof value !== "string") return undefined;
  if (value.length > MAX_MATCHED_LENGTH) {
    return `must have at most ${MAX_MATCHED_LENGTH} characters, as it has a pattern, but has ${value.length}`;
  }
  return wholeMatch(pattern).test(value) ? undefined : `must match ${pattern}, but got ${shown(input)}`;
}

function valueOf(type: ParamType, input: unknown): Scalar | undefined {
  const read = input === undefined ? undefined : readValue(type, input);
  return read !== undefined && "value" in read ? read.value : undefined;
}

/** Of values of one type that has an order. */
function isBefore(type: ParamType, one: Scalar, other: Scalar): boolean {
  switch (type) {
    case "integer":
      return BigInt(one) < BigInt(other);
    case "timestamp":
      return microsOf(String(one)) < microsOf(String(other));
    default:
      return one < other;
  }
}

/** Of a timestamp as readTimestamp returns it: Date.parse alone would lose the last three digits. */
function microsOf(timestamp: string): bigint {
  const [, digits = ""] = /\.(\d+)/.exec(timestamp) ?? [];
  return BigInt(Date.parse(timestamp.replace(/\.\d+/, ""))) * 1_000n + BigInt(digits.padEnd(6, "0"));
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
