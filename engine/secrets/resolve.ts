import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import type { Variables } from "../../contract/settings/variables.ts";
import { exactJson, fieldTexts } from "./exact_json.ts";
import { isServersOwn, type NamedSecrets, projectVariable } from "./named_secrets.ts";
import {
  parseReferences,
  type Reference,
  type ReferenceKind,
  referencesIn,
  referenceText,
  visitTexts,
} from "./references.ts";
import { PLACEHOLDER, type Secret, type SecretAsk, type SecretStore } from "./secret_store.ts";

/** The kinds of references whose stores lie outside of this machine, or are programs. */
export type StoreKind = Exclude<ReferenceKind, "env" | "secret">;

export interface ReferenceSources {
  /** The value of an environment variable. */
  readonly env: Variables;
  /** What `${secret:NAME}` stands for. */
  readonly secrets: NamedSecrets;
  /** By kind; a kind that is left out is asked of nobody, and no reference of it has a value. */
  readonly stores?: Readonly<Partial<Record<StoreKind, SecretStore>>>;
}

export interface ResolvedConnector {
  /** The entry without `type`, references replaced. */
  readonly config: Record<string, unknown>;
  /** The values of its secrets, to keep out of every message. */
  readonly secrets: string[];
  /** What was asked for, each once; references to the environment are none. */
  readonly references: readonly Reference[];
}

/** How the references of an entry are resolved. */
export interface ResolveOptions extends Pick<SecretAsk, "mayLease" | "isAfresh"> {
  /** What has the references, for messages; `connector` by default. */
  readonly what?: string;
}

/**
 * The entry with its references replaced. What several of them say of one secret is of one version of it. Throws `invalid`
 * for a reference without a value, naming connector, key and reference, and what the stores throw.
 */
export async function resolveConnector(
  name: string,
  definition: ConnectorDefinition,
  sources: ReferenceSources,
  { what = "connector", ...ask }: ResolveOptions = {},
): Promise<ResolvedConnector> {
  const secrets = new Set<string>();
  const references = new Map<string, Reference>();
  const read = reader(sources, ask);
  const resolveText = async (text: string, key: string): Promise<string> => {
    let resolved = "";
    for (const part of parseReferences(text)) {
      if ("text" in part) {
        resolved += part.text;
        continue;
      }
      const { reference } = part;
      const value = await read(reference).catch((error) => {
        throw unread(`${what} "${name}"`, key, reference, error);
      });
      if (value === undefined) throw missing(`${what} "${name}"`, key, reference);
      if (reference.kind !== "env") {
        secrets.add(value);
        references.set(referenceText(reference), reference);
      }
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
  return { config, secrets: [...secrets], references: [...references.values()] };
}

/** A reference that has no value now, with what to do. */
export interface MissingReference {
  /** To the text in the entry that has it. */
  readonly path: readonly (string | number)[];
  readonly reference: Reference;
  readonly message: string;
}

/** The references of a connector (or `what` else) that have no value or whose store cannot be asked. */
export async function missingReferences(
  name: string,
  definition: ConnectorDefinition,
  sources: ReferenceSources,
  what = "connector",
): Promise<MissingReference[]> {
  const found: { path: readonly (string | number)[]; reference: Reference }[] = [];
  visitTexts(definition, (text, path) => {
    for (const reference of referencesIn(text)) found.push({ path, reference });
  });
  const read = reader(sources, {});
  const missed = await Promise.all(found.map(async ({ path, reference }) => {
    const subject = `${what} "${name}"`;
    const key = path.join(".");
    try {
      if (await read(reference) !== undefined) return [];
      return [{ path, reference, message: missing(subject, key, reference).message }];
    } catch (error) {
      return [{ path, reference, message: unread(subject, key, reference, error).message }];
    }
  }));
  return missed.flat();
}

/** Reads references, each secret once, however many of its fields are asked for. */
export function reader(
  sources: ReferenceSources,
  ask: SecretAsk,
): (reference: Reference) => Promise<string | undefined> {
  const asked = new Map<string, Promise<Secret | undefined>>();
  return async (reference) => {
    const { kind, name, version, stage } = reference;
    if (kind === "env") return projectVariable(sources.env, name);
    const key = JSON.stringify([kind, name, version, stage]);
    const found = asked.get(key) ??
      (kind === "secret"
        ? sources.secrets.get(name)
        : storeOf(sources, kind).get(name, { ...ask, version, stage }));
    asked.set(key, found);
    return valueIn(reference, await found);
  };
}

function storeOf({ stores = {} }: ReferenceSources, kind: StoreKind): SecretStore {
  const store = stores[kind];
  if (store === undefined) throw new AppError("invalid", `there is no store of the kind ${kind} here`);
  return store;
}

/** The text of the reference's field. Throws `invalid` where the secret has no such field. */
function valueIn({ kind, field }: Reference, secret: Secret | undefined): string | undefined {
  if (secret === undefined) return undefined;
  if (typeof secret === "string") {
    return field === undefined ? secret : fieldOf(fieldsOfJson(secret), field);
  }
  if (secret.isPlaceholder === true) return PLACEHOLDER;
  if (field === undefined) throw new AppError("invalid", `name one of its fields, as \${${kind}:…#field}`);
  return fieldOf(secret.fields, field);
}

function fieldOf(fields: Readonly<Record<string, string>>, field: string): string {
  const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (value !== undefined) return value;
  // The names of its fields tell nothing that whoever has the store's paths does not know.
  const names = Object.keys(fields).slice(0, 20).map((name) => name.slice(0, 60)).join(", ");
  throw new AppError("invalid", `it has no field "${field}"${names === "" ? "" : `, but ${names}`}`);
}

function fieldsOfJson(text: string): Readonly<Record<string, string>> {
  let value: unknown;
  try {
    value = exactJson(text);
  } catch {
    throw new AppError("invalid", "it is no JSON: leave out # and the field");
  }
  return fieldTexts(value) ?? {};
}

function unread(subject: string, key: string, reference: Reference, error: unknown): AppError {
  const { code, message, reason } = toAppError(error);
  return new AppError(
    code,
    `Cannot resolve ${referenceText(reference)} of ${subject}, key ${key}: ${message}`,
    {
      cause: error,
      ...(reason === undefined ? {} : { reason }),
    },
  );
}

function missing(subject: string, key: string, reference: Reference): AppError {
  const message = `Cannot resolve ${referenceText(reference)} of ${subject}, key ${key}: ${
    remedy(reference)
  }`;
  return new AppError("invalid", message);
}

function remedy({ kind, name }: Reference): string {
  switch (kind) {
    case "env":
      return isServersOwn(name)
        ? "it is the server's own, and no project gets it"
        : `set the environment variable ${name}`;
    case "secret":
      return missingSecret(name);
    case "vault":
      return "there is no secret at this path, or not in this version";
    case "aws-sm":
      return "there is no such secret, or not in this version";
    case "aws-ssm":
      return "there is no such parameter";
    case "cmd":
      return "the command gave nothing";
  }
}

/** What to do where `${secret:NAME}` has no value. */
export const missingSecret = (name: string): string =>
  isServersOwn(name)
    ? "it is the server's own, and no project gets it"
    : `set it by \`sluice secrets set ${name}\`, put it into a file ${name} in the folder of SLUICE_SECRETS_DIR, ` +
      `or set SLUICE_SECRET_${name}`;
