import { nameFault } from "../../../contract/names.ts";

/** What a path's stream is called, and the connector. */

export interface NamedPath {
  /** As `/users/{user_id}/posts`. */
  readonly path: string;
  readonly operationId: string | undefined;
}

const MAX_NAME = 63;
/** Parts of a path beyond these tell nothing apart. */
const MOST_PARTS = 12;

/**
 * A name for each path, in their order: its last fixed part, with as many of those before as tell it from the others, so that
 * `/users` is `users`, and `/posts` and `/users/{id}/posts` are `posts` and `users_posts`. Every one can be a stream's name.
 */
export function nameStreams(paths: readonly NamedPath[]): readonly string[] {
  const parts = paths.map(({ path }) => fixedParts(path));
  const names: (string | undefined)[] = paths.map(() => undefined);
  const taken = new Set<string>();
  const give = (index: number, name: string) => {
    names[index] = name;
    taken.add(name.toLowerCase());
  };
  for (let depth = 1; depth <= MOST_PARTS; depth++) {
    const wanted = new Map<string, number[]>();
    for (const [index, own] of parts.entries()) {
      if (names[index] !== undefined || own.length === 0) continue;
      const name = nameOf(own.slice(-depth));
      if (name === undefined) continue;
      const same = wanted.get(name.toLowerCase());
      if (same === undefined) wanted.set(name.toLowerCase(), [index]);
      else same.push(index);
    }
    for (const [key, indices] of wanted) {
      if (taken.has(key)) continue;
      // Those that have no more parts keep the short name.
      const whole = indices.filter((index) => (parts[index] ?? []).length <= depth);
      const [only, ...others] = whole.length > 0 ? whole : indices;
      if (only !== undefined && others.length === 0) {
        give(only, nameOf((parts[only] ?? []).slice(-depth)) ?? key);
      }
    }
  }
  const counts = new Map<string, number>();
  for (const [index, { path, operationId }] of paths.entries()) {
    if (names[index] !== undefined) continue;
    const all = nameOf(parts[index] ?? []);
    const params = paramsOf(path);
    const byParams = params.length === 0 ? undefined : nameOf([...parts[index] ?? [], "by", ...params]);
    const choices = [all, byParams, nameOf([operationId ?? ""])];
    give(index, firstFree(choices.filter((name) => name !== undefined), taken, counts));
  }
  return names.map((name) => name ?? "records");
}

/** Parts of a path that name no API: `/api/v2/orders`. */
const NO_NAME = /^(?:api|rest|v\d+(?:\.\d+)*|\d+(?:\.\d+)*|\d{4}-\d\d(?:-\d\d)?)$/i;

function fixedParts(path: string): readonly string[] {
  const all = path.split("/").map((part) => part.replace(/\{[^{}]*\}/g, " ").trim()).filter((part) =>
    /\w/.test(part)
  );
  const telling = all.filter((part) => !NO_NAME.test(part));
  return (telling.length > 0 ? telling : all).slice(-MOST_PARTS).map((part) =>
    part.replace(/\.(?:json|xml)$/i, "")
  );
}

const paramsOf = (path: string): readonly string[] =>
  [...path.matchAll(/\{([^{}]*)\}/g)].map(([, name = ""]) => name);

/** Undefined where no letter of it can stand in a name. */
function nameOf(parts: readonly string[]): string | undefined {
  const text = parts.join("_").replace(/[^A-Za-z0-9_]+/g, "_").replace(/_{2,}/g, "_").replace(/^_+|_+$/g, "");
  if (text === "") return undefined;
  const name = (/^\d/.test(text) ? `_${text}` : text).slice(0, MAX_NAME);
  return nameFault("stream", name) === undefined ? name : `${name}_records`.slice(-MAX_NAME);
}

/** The first choice that nothing has, or the first of all with a number; `counts` has the last one of each. */
function firstFree(
  choices: readonly string[],
  taken: ReadonlySet<string>,
  counts: Map<string, number>,
): string {
  const found = choices.find((name) => !taken.has(name.toLowerCase()));
  if (found !== undefined) return found;
  const base = (choices[0] ?? "records").slice(0, MAX_NAME - 7);
  for (let count = (counts.get(base) ?? 0) + 1;; count++) {
    const name = count === 1 ? base : `${base}_${count}`;
    if (taken.has(name.toLowerCase())) continue;
    counts.set(base, count);
    return name;
  }
}

/** Words that name no API. */
const NO_API =
  /^(?:openapi|swagger|api|apis|rest|docs?|specs?|specification|schema|reference|the|public|v?\d[\w.]*|json|ya?ml)$/i;
const MAX_CONNECTOR = 30;

/** A connector's name by the file's, as `petstore` of `petstore.v1.yaml`, or else by the API's title; `api` where neither says more. */
export function connectorName(file: string, title: string): string {
  const base = file.split(/[/\\]/).at(-1) ?? "";
  for (const text of [base, title]) {
    const words = text.toLowerCase().split(/[^a-z0-9]+/).filter((word) => word !== "" && !NO_API.test(word));
    const name = words.join("_").slice(0, MAX_CONNECTOR).replace(/_+$/, "");
    if (nameFault("connector", name) === undefined && nameFault("pipeline", name) === undefined) return name;
  }
  return "api";
}

/** `user` of `users`, `category` of `categories`: plain, as names are compared. */
export function singularOf(plain: string): string {
  if (/(?:ss|us|is)$/.test(plain)) return plain;
  if (/ies$/.test(plain)) return plain.replace(/ies$/, "y");
  if (/(?:ses|xes|zes|ches|shes)$/.test(plain)) return plain.replace(/es$/, "");
  return plain.replace(/s$/, "");
}
