import * as v from "valibot";
import { isBuiltInRole } from "./access/permissions.ts";
import { AppError } from "./errors.ts";

/**
 * What things may be called, wherever a name comes from: a file, the API, the command line. Names
 * become files, tables, variables and URLs, so each kind has a pattern and words that are taken.
 */

export const NAME_KINDS = [
  "pipeline",
  "environment",
  "connector",
  "notifier",
  "stream",
  "model",
  "param",
  "function",
  "macro",
  "webhook",
  "token",
  "user",
  "group",
  "role",
] as const;
export type NameKind = (typeof NAME_KINDS)[number];

/** Names that become tables or variables: a letter or `_`, then letters, digits and `_`; at most 63. */
export const NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
/** Tables in DuckDB have names of any length, and files of some 250 bytes: a model has one of each. */
export const MODEL_NAME_LENGTH = 200;
export const MODEL_NAME_PATTERN = new RegExp(`^[A-Za-z_][A-Za-z0-9_]{0,${MODEL_NAME_LENGTH - 1}}$`);
/** Pipelines and connectors may have `-` too. */
export const PIPELINE_NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/;
/** Environments stand behind a pipeline's name in those of files: together they have to fit into one. */
const ENVIRONMENT_NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_-]{0,29}$/;
/** Tokens are named for people: any visible text on one line. */
const TOKEN_NAME_PATTERN = /^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u;

/** Users, groups and roles: an address of mail is one as well. No `@` in front: that says a group. */
const USER_NAME_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,99}$/;

/** The name under which SLUICE_TOKEN is kept. */
export const ENV_TOKEN_NAME = "SLUICE_TOKEN";
/** The name of the token that a server makes anew at each start for commands on its own machine. */
export const LOCAL_TOKEN_NAME = "local commands";

interface NameRule {
  readonly pattern: RegExp;
  readonly expected: string;
  /** Each says why a name in lower case is taken, or nothing. */
  readonly reserved: readonly ((key: string) => string | undefined)[];
}

/** In lower case: schemas of a warehouse and catalogs of DuckDB; a file or table of that name hides them. */
const SCHEMAS: ReadonlySet<string> = new Set([
  "raw",
  "main",
  "temp",
  "system",
  "information_schema",
  "pg_catalog",
]);
const isSchema = (key: string) =>
  SCHEMAS.has(key) ? "DuckDB or the warehouse has a schema of that name" : undefined;

const isOurs = (key: string) =>
  key.startsWith("_sluice") ? "names that begin with _sluice are kept for Sluice's own tables" : undefined;

/** https://learn.microsoft.com/windows/win32/fileio/naming-a-file; a project is checked out there as well. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com\d|lpt\d)$/;
const isDevice = (key: string) =>
  DEVICE.test(key) ? "Windows keeps that name for a device and cannot have such a file" : undefined;

/** What an object of JavaScript has already would be lost on the way through. */
const isObjectKey = (key: string) =>
  ["__proto__", "constructor", "prototype"].includes(key) ? "the name has a meaning of its own" : undefined;

/** Whether it is the name of a user that the server makes for itself at its start. */
export function isServersUser(name: string): boolean {
  return [ENV_TOKEN_NAME.toLowerCase(), LOCAL_TOKEN_NAME].includes(name.toLowerCase());
}

const isServers = (key: string) => isServersUser(key) ? "the server keeps this name for itself" : undefined;

const isProduction = (key: string) =>
  ["prod", "production"].includes(key) ? "that is what runs in no environment" : undefined;

const isMe = (key: string) => key === "me" ? "commands mean whoever asks by it" : undefined;

const isBuiltIn = (key: string) =>
  isBuiltInRole(key) ? "it is one of the roles that are always there" : undefined;

const TABLE_NAME = {
  pattern: NAME_PATTERN,
  expected: "a letter or _, then letters, digits or _, at most 63 characters",
};
const MODEL_NAME = {
  pattern: MODEL_NAME_PATTERN,
  expected: `a letter or _, then letters, digits or _, at most ${MODEL_NAME_LENGTH} characters`,
};
const FILE_NAME = {
  pattern: PIPELINE_NAME_PATTERN,
  expected: "a letter or _, then letters, digits, _ or -, at most 63 characters",
};

const USER_NAME = {
  pattern: USER_NAME_PATTERN,
  expected: "a letter, a digit or _, then letters, digits, ., _, @, + or -, at most 100 characters",
};

const RULES: Readonly<Record<NameKind, NameRule>> = {
  pipeline: { ...FILE_NAME, reserved: [isSchema, isOurs, isDevice, isObjectKey] },
  environment: {
    pattern: ENVIRONMENT_NAME_PATTERN,
    expected: "a letter or _, then letters, digits, _ or -, at most 30 characters",
    reserved: [isProduction, isOurs, isObjectKey],
  },
  connector: { ...FILE_NAME, reserved: [isOurs, isObjectKey] },
  notifier: { ...FILE_NAME, reserved: [isOurs, isObjectKey] },
  stream: { ...TABLE_NAME, reserved: [isSchema, isOurs, isObjectKey] },
  model: { ...MODEL_NAME, reserved: [isSchema, isOurs, isDevice, isObjectKey] },
  param: { ...TABLE_NAME, reserved: [isOurs, isObjectKey] },
  function: { ...TABLE_NAME, reserved: [isOurs, isObjectKey] },
  macro: { ...TABLE_NAME, reserved: [isOurs, isObjectKey] },
  webhook: { ...FILE_NAME, reserved: [isOurs, isObjectKey] },
  token: {
    pattern: TOKEN_NAME_PATTERN,
    expected: "1 to 100 characters on one line",
    reserved: [isServers],
  },
  user: { ...USER_NAME, reserved: [isServers, isMe, isObjectKey] },
  group: { ...USER_NAME, reserved: [isObjectKey] },
  role: { ...USER_NAME, reserved: [isBuiltIn, isObjectKey] },
};

/** What is wrong with the name, as `expected a letter …`; undefined for one that may be used. */
export function nameFault(kind: NameKind, name: string): string | undefined {
  const { pattern, expected, reserved } = RULES[kind];
  if (!pattern.test(name)) return `expected ${expected}`;
  const key = name.toLowerCase();
  for (const reason of reserved) {
    const why = reason(key);
    if (why !== undefined) return `choose another name: ${why}`;
  }
  return undefined;
}

/** Throws `invalid`, reason `invalid_name`, for a name that may not be used. */
export function requireName(kind: NameKind, name: string): void {
  const fault = nameFault(kind, name);
  if (fault === undefined) return;
  throw new AppError("invalid", `${quoteName(name)} cannot be the name of a ${kind}: ${fault}`, {
    reason: "invalid_name",
  });
}

/**
 * The name, where it is one part of a path: a pipeline that was stored before its name was checked may
 * go on under it, but not write outside the folder of warehouses. Throws `invalid`.
 */
export function requirePathPart(name: string): string {
  // deno-lint-ignore no-control-regex -- a zero byte ends a path
  if (name !== "" && name !== "." && name !== ".." && !/[/\\\u0000]/.test(name)) return name;
  throw new AppError(
    "invalid",
    `Cannot run pipeline ${quoteName(name)}: its name leads out of the data folder`,
    {
      reason: "invalid_name",
    },
  );
}

/** The name in quotes on one line, cut where it is long: it may be anything that a stranger sent. */
export function quoteName(name: string): string {
  const points = [...name.toWellFormed()];
  return JSON.stringify(points.length > 80 ? `${points.slice(0, 80).join("")}…` : points.join(""));
}

/** Schema of a name; an editor gets the pattern, the reserved words are checked beside it. */
export function nameSchema(kind: NameKind) {
  const { pattern, expected } = RULES[kind];
  return v.pipe(
    v.string(),
    v.regex(pattern, `expected ${expected}`),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed || !pattern.test(dataset.value)) return;
      const fault = nameFault(kind, dataset.value);
      if (fault !== undefined) addIssue({ message: fault });
    }),
  );
}
