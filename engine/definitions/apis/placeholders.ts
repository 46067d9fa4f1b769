import { parseReferences, visitTexts } from "../../secrets/references.ts";

/** `{values.owner}` in the texts of a definition of an API. */

const PLACE = /\{\s*values\.([A-Za-z_]\w*)\s*\}/g;
/** Keys whose texts are addresses: a value in them is a part of a path, or the whole beginning. */
const ADDRESSES: readonly string[] = ["base_url", "endpoint", "path", "access_token_url"];

/** The names of the values that the texts of a definition have places for, each once. */
export function valuesIn(definition: unknown): string[] {
  const names = new Set<string>();
  visitTexts(definition, (text) => {
    for (const [, name = ""] of text.matchAll(PLACE)) names.add(name);
  });
  return [...names];
}

/** The names of the secrets that an entry of connectors.yaml refers to, each once. Throws `invalid` for a broken reference. */
export function secretsIn(connector: unknown): string[] {
  const names = new Set<string>();
  visitTexts(connector, (text) => {
    for (const part of parseReferences(text)) {
      if ("reference" in part && part.reference.kind === "secret") names.add(part.reference.name);
    }
  });
  return [...names];
}

/**
 * The definition with its places filled in. In an address a value is percent-encoded as one part of its path, but for one that
 * the address begins with: that is an address itself, and loses a slash at its end.
 */
export function withValues<T>(definition: T, values: Readonly<Record<string, string>>): T {
  const visit = (value: unknown, key: string): unknown => {
    if (typeof value === "string") return filled(value, values, ADDRESSES.includes(key));
    if (Array.isArray(value)) return value.map((item) => visit(item, key));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, visit(item, name)]));
  };
  // A text stays a text, and all else is as it was.
  return visit(definition, "") as T;
}

function filled(text: string, values: Readonly<Record<string, string>>, isAddress: boolean): string {
  return text.replace(PLACE, (place, name: string, at: number) => {
    const value = values[name];
    if (value === undefined) return place;
    if (!isAddress) return value;
    return at === 0 ? value.replace(/\/+$/, "") : encodeURIComponent(value);
  });
}
