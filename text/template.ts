/** Texts with places for values, as `{{pipeline}}: {{event}}`. There is no logic in them. */

const PLACE = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** The names of the places in a template, each once. */
export function placesIn(template: string): string[] {
  return [...new Set([...template.matchAll(PLACE)].map(([, name = ""]) => name))];
}

/** The template with the values in its places; a name without a value stays empty. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(PLACE, (_, name: string) => Object.hasOwn(values, name) ? values[name] ?? "" : "");
}

/** Every text in a value of JSON, filled likewise. */
export function fillValue(value: unknown, values: Readonly<Record<string, string>>): unknown {
  if (typeof value === "string") return fillTemplate(value, values);
  if (Array.isArray(value)) return value.map((item) => fillValue(item, values));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillValue(item, values)]));
}
