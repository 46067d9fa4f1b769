import type { BaseIssue } from "valibot";
import * as v from "valibot";
import { MAX_FAULTS, moreFaults } from "./fault.ts";
import { isSecretKey } from "./secret_key.ts";
import { didYouMean, listWords, suggest } from "./suggest.ts";
import type { DocumentPath } from "./yaml_document.ts";
import { isRecord } from "./is_record.ts";

/** What a schema has against a value, for a person. */
export interface SchemaFault {
  readonly path: DocumentPath;
  /** Whether the key itself is wrong, or the value behind it. */
  readonly at: "key" | "value";
  /** `extract.orders.mode: expected one of full, incremental, append but got "incremntal"`. */
  readonly message: string;
  /** `format`: the type is right but the text is not; a reference may still stand in for it. */
  readonly kind: "shape" | "format";
  readonly input: unknown;
}

type Issue = BaseIssue<unknown>;

/**
 * Runs the schema; returns its output, or its faults with the path that each is at: at most MAX_FAULTS
 * and one at `base` that says how many more there are. `base` goes before each path.
 */
export function checkSchema<T>(
  schema: v.GenericSchema<unknown, T>,
  value: unknown,
  base: DocumentPath = [],
): { readonly output: T } | { readonly faults: SchemaFault[] } {
  const result = v.safeParse(schema, value);
  if (result.success) return { output: result.output };
  const list = new FaultList();
  for (const issue of result.issues) {
    if (list.isFull) list.skip();
    else collect(issue, base, schema, value, list);
  }
  const faults = withoutEchoes(list.faults);
  if (list.skipped > 0) faults.push(fault(base, "key", moreFaults(list.skipped), "shape", MORE));
  return { faults };
}

/** The input of the fault that stands for those that are not shown. */
const MORE = Symbol("more");

/** Whether there were more faults than are shown. */
export function isCut(faults: readonly SchemaFault[]): boolean {
  return faults.at(-1)?.input === MORE;
}

/** Takes the first faults; of the rest it only knows how many there are. */
class FaultList {
  readonly faults: SchemaFault[] = [];
  skipped = 0;

  get isFull(): boolean {
    return this.faults.length >= MAX_FAULTS;
  }

  push(found: SchemaFault): void {
    if (this.isFull) this.skipped++;
    else this.faults.push(found);
  }

  skip(): void {
    this.skipped++;
  }
}

/** A key may be anything, a whole document by mistake: so much of it is shown. */
const MAX_KEY_SHOWN = 100;

/** `extract.orders[0].mode`. */
export function pathText(path: DocumentPath): string {
  return path.map((part, index) => {
    if (typeof part === "number") return `[${part}]`;
    const shown = part.length > MAX_KEY_SHOWN ? `${part.slice(0, MAX_KEY_SHOWN)}…` : part;
    return index === 0 ? shown : `.${shown}`;
  }).join("");
}

function collect(
  issue: Issue,
  base: DocumentPath,
  schema: unknown,
  root: unknown,
  faults: FaultList,
): void {
  const items = issue.path ?? [];
  const path = [...base, ...items.map((item) => pathKey(item.key))];
  const last = items.at(-1);
  // An array passes as an object here, with "0" for a key.
  const list = items.findIndex((item) => item.type === "object" && Array.isArray(item.input));
  if (list !== -1) {
    const at = path.slice(0, base.length + list);
    faults.push(fault(at, "value", "expected keys with values but got a list", "shape", items[list]?.input));
    return;
  }
  if (issue.type === "strict_object" && issue.expected === "never" && last !== undefined) {
    const known = entriesAt(schema, items.slice(0, -1).map((item) => pathKey(item.key)), root);
    for (const key of isRecord(last.input) ? Object.keys(last.input) : []) {
      if (known.includes(key)) continue;
      if (faults.isFull) {
        faults.skip();
        continue;
      }
      const hint = cutText(key, known) || didYouMean(key, known) ||
        (known.length > 0 ? `; it can have ${listWords(known)}` : "");
      faults.push(fault([...path.slice(0, -1), key], "key", `unknown key${hint}`, "shape", key));
    }
    return;
  }
  if (issue.kind === "schema" && last !== undefined && "origin" in last && last.origin === "key") {
    if (issue.received === "undefined") {
      const parent = path.slice(0, -1);
      const misspelt = misspeltKey(String(path.at(-1)), last.input, schema, items, root);
      if (misspelt !== undefined) {
        const message = `unknown key (did you mean ${String(path.at(-1))}?)`;
        faults.push(fault([...parent, misspelt], "key", message, "shape", misspelt));
        return;
      }
      faults.push(
        fault(parent, "key", `missing key ${String(path.at(-1))}`, "shape", { missing: path.at(-1) }),
      );
      return;
    }
  }
  if (issue.type === "union" && issue.issues !== undefined) {
    const inner = unionIssues(issue);
    if (inner.length > 0) {
      const at = items.map((item) => pathKey(item.key));
      for (const sub of inner) collect(sub, path, schemaAt(schema, at, root), issue.input, faults);
      return;
    }
  }
  const at = last !== undefined && "origin" in last && last.origin === "key" ? "key" : "value";
  faults.push(
    fault(
      path,
      at,
      issueMessage(
        isSecretPlace(schema, items, root) ? withoutInput(issue) : issue,
        keysOfShape(schema, items, root),
      ),
      issue.kind === "schema" ? "shape" : "format",
      issue.input,
    ),
  );
}

/** What is no name is often the rest of a text: YAML ends `{ sql: f(a, b) }` at its comma. */
function cutText(key: string, known: readonly string[]): string {
  return known.every((name) => /^\w+$/.test(name)) && !/^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(key)
    ? "; a text with a comma in it stands in double quotes"
    : "";
}

/** Whether what stands there is a secret: by its key's name, or by `v.metadata({ secret: true })`. */
function isSecretPlace(schema: unknown, items: readonly { readonly key: unknown }[], root: unknown): boolean {
  const keys = items.map((item) => pathKey(item.key));
  if (isSecretKey(String(keys.at(-1) ?? ""))) return true;
  const found = schemaAt(schema, keys, root);
  const actions = isRecord(found) && Array.isArray(found["pipe"]) ? found["pipe"] : [];
  return actions.some((action) =>
    isRecord(action) && isRecord(action["metadata"]) && action["metadata"]["secret"] === true
  );
}

/** The same complaint about a value that is not shown: a message goes into logs and answers. */
function withoutInput(issue: Issue): Issue {
  const input = isPlain(issue.input) ? HIDDEN : issue.input;
  return { ...issue, input };
}

/** Stands for a value that is not to be seen. */
const HIDDEN = Symbol("hidden");

function fault(
  path: DocumentPath,
  at: "key" | "value",
  message: string,
  kind: "shape" | "format",
  input: unknown,
): SchemaFault {
  const where = pathText(path);
  return { path, at, message: where === "" ? message : `${where}: ${message}`, kind, input };
}

/** Of a union's complaints, those of the option that the value was meant to be. */
function unionIssues(issue: Issue): Issue[] {
  const isList = Array.isArray(issue.input);
  return (issue.issues ?? []).filter((sub) => {
    const first = sub.path?.[0];
    if (first === undefined) return sub.kind === "validation";
    return isList ? first.type === "array" : first.type === "object";
  });
}

/** How what was written can be put so that it is read: `timeout: 5` as text, `schedule: "0 5 * * *"` as a key. */
function wayOut(issue: Issue, known: readonly string[]): string {
  if (issue.input === HIDDEN && issue.expected === "string") return ": write it in quotes";
  if (!isPlain(issue.input)) return "";
  if (issue.expected === "string") return `: write ${JSON.stringify(String(issue.input))}`;
  if (issue.expected === "Array") return `: write [${String(issue.input)}]`;
  const [first] = known;
  if (issue.expected !== "Object" || first === undefined) return "";
  const { input } = issue;
  const shown = typeof input === "string" && !/^[\w.-]+$/.test(input) ? received(input) : String(input);
  return `: write { ${first}: ${shown.length > MAX_SHOWN ? "…" : shown} }`;
}

/** `known` are the keys that an object in its place would have, those that it must have first. */
function issueMessage(issue: Issue, known: readonly string[]): string {
  const got = received(issue.input);
  if (issue.input === null && issue.kind === "schema") {
    return "has no value: give it one or leave the key out";
  }
  const isOwnText = !/^Invalid /.test(issue.message);
  if (isOwnText || issue.kind === "validation") {
    const plain = isOwnText ? issue.message : `expected ${expected(issue)}`;
    return isPlain(issue.input) ? `${plain} but got ${got}` : plain;
  }
  const options = quotedOptions(issue.expected);
  const hint = typeof issue.input === "string" ? didYouMean(issue.input, options) : "";
  return `expected ${expected(issue)} but got ${got}${hint || wayOut(issue, known)}`;
}

function expected(issue: Issue): string {
  const text = issue.expected ?? "another value";
  const options = quotedOptions(text);
  if (options.length > 1) return `one of ${options.join(", ")}`;
  const words: Readonly<Record<string, string>> = {
    string: "text",
    number: "a number",
    boolean: "true or false",
    Object: "keys with values",
    Array: "a list",
    null: "nothing",
  };
  const parts = text.replace(/^\((.*)\)$/, "$1").split(" | ").map((part) => words[part] ?? part);
  const bound = /^([<>]=?)(-?[\d.]+)$/.exec(text);
  if (bound !== null) {
    const [, sign, limit] = bound;
    const what = typeof issue.input === "number" ? "" : " entries or characters";
    return `${sign?.startsWith("<") ? "at most" : "at least"} ${limit}${what}`;
  }
  if (issue.type === "integer") return "a whole number";
  return listWords(parts, "or");
}

/** `("full" | "append")` → full, append. */
function quotedOptions(text: string | null): string[] {
  return [...(text ?? "").matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? "");
}

const MAX_SHOWN = 60;

function received(input: unknown): string {
  if (input === HIDDEN) return "another value";
  if (Array.isArray(input)) return "a list";
  if (isRecord(input)) return "keys with values";
  if (input === null || input === undefined) return "nothing";
  const text = JSON.stringify(input) ?? String(input);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function isPlain(input: unknown): boolean {
  return typeof input === "string" || typeof input === "number" || typeof input === "boolean";
}

/**
 * A misspelt key is reported once: not again as the missing key that it was meant to be, and not per union
 * option.
 */
function withoutEchoes(faults: readonly SchemaFault[]): SchemaFault[] {
  const seen = new Set<string>();
  return faults.filter((candidate) => {
    if (seen.has(candidate.message)) return false;
    seen.add(candidate.message);
    if (!isRecord(candidate.input) || typeof candidate.input["missing"] !== "string") return true;
    const missing = candidate.input["missing"];
    return !faults.some((other) =>
      other.path.length === candidate.path.length + 1 && typeof other.input === "string" &&
      other.at === "key" &&
      pathText(other.path.slice(0, -1)) === pathText(candidate.path) &&
      suggest(other.input, [missing]) === missing
    );
  });
}

/** The key that was probably meant to be the missing one: in an object that takes any other key too. */
function misspeltKey(
  missing: string,
  input: unknown,
  schema: unknown,
  items: readonly { readonly key: unknown }[],
  root: unknown,
): string | undefined {
  if (!isRecord(input)) return undefined;
  const known = entriesAt(schema, items.slice(0, -1).map((item) => pathKey(item.key)), root);
  return Object.keys(input).find((key) => !known.includes(key) && suggest(key, [missing]) === missing);
}

/** The keys that an object schema knows; none where it is no object schema. */
export function schemaKeys(schema: v.GenericSchema): string[] {
  return entriesAt(schema, [], {});
}

/** The keys of the object schema that stands at the path. */
function entriesAt(schema: unknown, path: DocumentPath, root: unknown): string[] {
  const found = schemaAt(schema, path, root);
  return isRecord(found) && isRecord(found["entries"]) ? Object.keys(found["entries"]) : [];
}

/** Follows a path through object, record, array, optional and union schemas; the value picks in a union. */
function schemaAt(schema: unknown, path: DocumentPath, root: unknown): unknown {
  let current = pick(schema, root);
  let value = root;
  for (const segment of path) {
    value = isRecord(value) || Array.isArray(value) ? Reflect.get(value, segment) : undefined;
    if (!isRecord(current)) return undefined;
    const entries = current["entries"];
    const next = isRecord(entries) && Object.hasOwn(entries, segment)
      ? entries[segment]
      : current["item"] ?? current["value"];
    current = pick(next, value);
  }
  return current;
}

/** The keys of the object that was expected at the path, whatever stands there; those without a default first. */
function keysOfShape(
  schema: unknown,
  items: readonly { readonly key: unknown }[],
  root: unknown,
): readonly string[] {
  if (items.length === 0) return [];
  const found = schemaAt(schema, items.map((item) => pathKey(item.key)), root);
  if (!isRecord(found) || !isRecord(found["entries"])) return [];
  const entries = Object.entries(found["entries"]);
  const isNeeded = ([, entry]: [string, unknown]) => !isRecord(entry) || entry["wrapped"] === undefined;
  return [...entries.filter(isNeeded), ...entries.filter((entry) => !isNeeded(entry))].map(([key]) => key);
}

function pick(schema: unknown, value: unknown): unknown {
  if (!isRecord(schema)) return schema;
  if (isRecord(schema["wrapped"])) return pick(schema["wrapped"], value);
  const options = schema["options"];
  if ((schema["type"] === "union" || schema["type"] === "variant") && Array.isArray(options)) {
    const fits = (option: unknown) =>
      isRecord(option) &&
      (Array.isArray(value) ? option["type"] === "array" : option["entries"] !== undefined);
    return pick(options.find(fits), value);
  }
  return schema;
}

function pathKey(key: unknown): string | number {
  return typeof key === "number" ? key : String(key);
}
