import { AppError } from "../../contract/errors.ts";
import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import { SECRET_NAME_PATTERN, type SecretStore } from "./secrets.ts";

/**
 * `${env:NAME}` and `${secret:NAME}` in the values of connectors.yaml. `$${` stands for a plain
 * `${`. References are replaced once, at the start of a run: what they become is not read again.
 */

export interface Reference {
  readonly kind: "env" | "secret";
  readonly name: string;
}

type Part = { readonly text: string } | { readonly reference: Reference };

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;

/** The parts of a text in order. Throws invalid for a `${` that is no reference. */
export function parseReferences(text: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(REFERENCE)) {
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push(match[0] === "$${" ? { text: "${" } : { reference: parseReference(match[0]) });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

function parseReference(written: string): Reference {
  const match = /^\$\{(env|secret):([^}]*)\}$/.exec(written);
  const name = match?.[2] ?? "";
  if (match === null || !SECRET_NAME_PATTERN.test(name)) {
    const message =
      `${written} is no reference: write \${env:NAME} or \${secret:NAME}, or $\${ for a plain \${`;
    throw new AppError("invalid", message);
  }
  return { kind: match[1] === "env" ? "env" : "secret", name };
}

/** Whether the text holds something that will be replaced. */
export function hasReference(text: string): boolean {
  return /(?<!\$)\$\{(?:env|secret):/.test(text);
}

/** Calls `visit` with each text in the value and the path to it. */
export function visitTexts(
  value: unknown,
  visit: (text: string, path: readonly (string | number)[]) => void,
  path: readonly (string | number)[] = [],
): void {
  if (typeof value === "string") visit(value, path);
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) visitTexts(item, visit, [...path, index]);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) visitTexts(item, visit, [...path, key]);
  }
}

export interface ReferenceSources {
  /** The value of an environment variable. */
  readonly env: (name: string) => string | undefined;
  readonly secrets: SecretStore;
}

export interface ResolvedConnector {
  /** The entry without `type`, references replaced. */
  readonly config: Record<string, unknown>;
  /** The values of its secrets, to keep out of every message. */
  readonly secrets: string[];
}

/** Throws invalid for a reference without a value, naming connector (or `what` else it is), key and reference. */
export async function resolveConnector(
  name: string,
  definition: ConnectorDefinition,
  sources: ReferenceSources,
  what = "connector",
): Promise<ResolvedConnector> {
  const secrets = new Set<string>();
  const resolveText = async (text: string, key: string): Promise<string> => {
    let resolved = "";
    for (const part of parseReferences(text)) {
      if ("text" in part) {
        resolved += part.text;
        continue;
      }
      const { reference } = part;
      const value = await valueOf(reference, sources);
      if (value === undefined) throw missing(`${what} "${name}"`, key, reference);
      if (reference.kind === "secret") secrets.add(value);
      resolved += value;
    }
    return resolved;
  };
  const resolveValue = async (value: unknown, key: string): Promise<unknown> => {
    if (typeof value === "string") return await resolveText(value, key);
    if (Array.isArray(value)) {
      return await Promise.all(value.map((item, index) => resolveValue(item, `${key}[${index}]`)));
    }
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(async ([inner, item]) =>
      [inner, await resolveValue(item, key === "" ? inner : `${key}.${inner}`)] as const
    );
    return Object.fromEntries(await Promise.all(entries));
  };

  const config: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(definition)) {
    if (key !== "type") config[key] = await resolveValue(value, key);
  }
  return { config, secrets: [...secrets] };
}

/** The references of a connector (or `what` else) that have no value, each with the path to its text and what to do. */
export async function missingReferences(
  name: string,
  definition: ConnectorDefinition,
  sources: ReferenceSources,
  what = "connector",
): Promise<{ readonly path: readonly (string | number)[]; readonly message: string }[]> {
  const found: { path: readonly (string | number)[]; reference: Reference }[] = [];
  visitTexts(definition, (text, path) => {
    for (const part of parseReferences(text)) {
      if ("reference" in part) found.push({ path, reference: part.reference });
    }
  });
  const missed = await Promise.all(found.map(async ({ path, reference }) => {
    if (await valueOf(reference, sources) !== undefined) return [];
    return [{ path, message: missing(`${what} "${name}"`, path.join("."), reference).message }];
  }));
  return missed.flat();
}

async function valueOf({ kind, name }: Reference, sources: ReferenceSources): Promise<string | undefined> {
  return kind === "env" ? sources.env(name) : await sources.secrets.get(name);
}

function missing(subject: string, key: string, reference: Reference): AppError {
  const { kind, name } = reference;
  const how = kind === "env"
    ? `set the environment variable ${name}`
    : `set SLUICE_SECRET_${name}, or put it into a file ${name} in the folder of SLUICE_SECRETS_DIR`;
  const message = `Cannot resolve \${${kind}:${name}} of ${subject}, key ${key}: ${how}`;
  return new AppError("invalid", message);
}
