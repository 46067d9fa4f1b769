import { AppError } from "../../contract/errors.ts";
import { didYouMean } from "../../text/suggest.ts";
import { commandWords } from "./command/command_words.ts";

/**
 * References in the values of connectors.yaml and notifiers.yaml: `${env:NAME}`, `${secret:NAME}`,
 * `${vault:path#field}`, `${aws-sm:name#field}`, `${aws-ssm:name}` and `${cmd:/usr/bin/program argument}`.
 * `$${` stands for a plain `${`. They are replaced once: what they become is not read again.
 */

export const REFERENCE_KINDS = ["env", "secret", "vault", "aws-sm", "aws-ssm", "cmd"] as const;
export type ReferenceKind = (typeof REFERENCE_KINDS)[number];

export interface Reference {
  readonly kind: ReferenceKind;
  /** A name, a path, or a command as it is written. */
  readonly name: string;
  /** One of the secret's fields. */
  readonly field?: string;
  readonly version?: string;
  readonly stage?: string;
}

type Part = { readonly text: string } | { readonly reference: Reference };

/** The names of environment variables and secrets; no `/` and no leading dot, so that a file's name is safe. */
export const SECRET_NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;
const MAX_LENGTH = 2_048;

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

/** The references of a text. Throws likewise. */
export function referencesIn(text: string): Reference[] {
  return parseReferences(text).flatMap((part) => "reference" in part ? [part.reference] : []);
}

function parseReference(written: string): Reference {
  const match = /^\$\{([a-z-]+):([^}]*)\}$/.exec(written);
  const [, kind = "", body = ""] = match ?? [];
  if (match !== null && !isKind(kind)) {
    const known = REFERENCE_KINDS.map((kind) => `\${${kind}:…}`).join(", ");
    throw new AppError(
      "invalid",
      `${shown(written)} is no reference: there is no kind "${kind}"${
        didYouMean(kind, REFERENCE_KINDS)
      }; there are ${known}`,
    );
  }
  // The text itself may be a secret that somebody put where a reference belongs: no more of it than needed is told.
  if (!isKind(kind)) {
    throw new AppError(
      "invalid",
      `${shown(written)} is no reference: write \${env:NAME} or \${secret:NAME}, or $\${ for a plain \${`,
    );
  }
  if (body.length > MAX_LENGTH || hasControl(body)) {
    throw noReference(written, "it is too long, or has a line break in it");
  }
  return PARSERS[kind](written, body);
}

const isKind = (kind: string): kind is ReferenceKind => REFERENCE_KINDS.some((known) => known === kind);

// deno-lint-ignore no-control-regex -- That is what is looked for.
const hasControl = (text: string): boolean => /[\u0000-\u001f\u007f]/.test(text);

const shown = (written: string): string => written.length > 120 ? `${written.slice(0, 120)}…` : written;

const noReference = (written: string, why: string): AppError =>
  new AppError("invalid", `${shown(written)} is no reference: ${why}`);

type Parser = (written: string, body: string) => Reference;

const PARSERS: Readonly<Record<ReferenceKind, Parser>> = {
  env: (written, body) => ({ kind: "env", name: named(written, body, "env") }),
  secret: (written, body) => ({ kind: "secret", name: named(written, body, "secret") }),

  vault(written, body) {
    const { name, query, field } = split(body);
    if (field === undefined || field === "") {
      throw noReference(written, "name one of the secret's fields, as ${vault:secret/shop#password}");
    }
    if (name === "" || name.split("/").some((part) => part === "" || part === "." || part === "..")) {
      throw noReference(
        written,
        "expected a path as secret/shop, with no / at its ends and no . or .. in it",
      );
    }
    if (/[\\%]/.test(name)) throw noReference(written, "a path has no \\ and no % in it");
    const { version } = options(written, query, ["version"]);
    if (version !== undefined && !/^[1-9]\d{0,9}$/.test(version)) {
      throw noReference(written, "expected a version as ?version=3");
    }
    return { kind: "vault", name, field, ...(version === undefined ? {} : { version }) };
  },

  "aws-sm"(written, body) {
    const { name, query, field } = split(body);
    if (!/^[A-Za-z0-9/_+=.@:-]{1,2048}$/.test(name)) {
      throw noReference(written, "expected the name or ARN of a secret, as ${aws-sm:shop/db#password}");
    }
    if (field === "") throw noReference(written, "expected a key of the secret's JSON after #");
    const { version, stage } = options(written, query, ["version", "stage"]);
    if (version !== undefined && stage !== undefined) {
      throw noReference(written, "expected version or stage, not both");
    }
    return {
      kind: "aws-sm",
      name,
      ...(field === undefined ? {} : { field }),
      ...(version === undefined ? {} : { version }),
      ...(stage === undefined ? {} : { stage }),
    };
  },

  "aws-ssm"(written, body) {
    if (!/^[A-Za-z0-9/_.:-]{1,1024}$/.test(body)) {
      throw noReference(written, "expected the name of a parameter, as ${aws-ssm:/shop/db_password}");
    }
    return { kind: "aws-ssm", name: body };
  },

  cmd(written, body) {
    const words = commandWords(body);
    if (words === undefined) throw noReference(written, "a quote is not closed");
    if (words[0]?.startsWith("/") !== true) {
      throw noReference(written, "expected a program by its whole path, as ${cmd:/usr/bin/pass show shop}");
    }
    return { kind: "cmd", name: body.trim() };
  },
};

function named(written: string, name: string, kind: "env" | "secret"): string {
  if (SECRET_NAME_PATTERN.test(name)) return name;
  const what = "write \${env:NAME} or \${secret:NAME}, or $\${ for a plain \${";
  const why = name === "" ? "" : `; a name of \${${kind}:…} has letters, digits, _, . and -`;
  throw noReference(written, `${what}${why}`);
}

/** `name?query#field`: the first # ends the name, and the last ? before it. */
function split(body: string): { name: string; query: string | undefined; field: string | undefined } {
  const hash = body.indexOf("#");
  const field = hash === -1 ? undefined : body.slice(hash + 1);
  const before = hash === -1 ? body : body.slice(0, hash);
  const mark = before.indexOf("?");
  return mark === -1
    ? { name: before, query: undefined, field }
    : { name: before.slice(0, mark), query: before.slice(mark + 1), field };
}

function options<Key extends string>(
  written: string,
  query: string | undefined,
  known: readonly Key[],
): Partial<Record<Key, string>> {
  const found: Partial<Record<Key, string>> = {};
  for (const part of query === undefined ? [] : query.split("&")) {
    const [key = "", value = ""] = part.split("=", 2);
    const name = known.find((one) => one === key);
    if (name === undefined || !/^[A-Za-z0-9/_+=.@-]{1,256}$/.test(value)) {
      throw noReference(written, `expected ${known.map((key) => `?${key}=…`).join(" or ")} after the name`);
    }
    found[name] = value;
  }
  return found;
}

/** The reference as it is written. */
export function referenceText({ kind, name, field, version, stage }: Reference): string {
  const query = version !== undefined ? `?version=${version}` : stage !== undefined ? `?stage=${stage}` : "";
  return `\${${kind}:${name}${query}${field === undefined ? "" : `#${field}`}}`;
}

/** Whether the text holds something that will be replaced. */
export function hasReference(text: string): boolean {
  return /(?<!\$)\$\{(?:env|secret|vault|aws-sm|aws-ssm|cmd):/.test(text);
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
