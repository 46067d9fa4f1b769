export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object's own member, whatever it is called; undefined of what is no object. */
export function memberOf(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value.trim() !== "" ? value : undefined;

export const listOf = (value: unknown): readonly unknown[] => Array.isArray(value) ? value : [];

export const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;

/** `per_page`, `perPage` and `Per-Page` as one: `perpage`. */
export const plainName = (name: string): string => name.replace(/[_\-\s$]/g, "").toLowerCase();

const MAX_LINE = 200;

/** The first line of what a stranger wrote, without control characters, cut where it is long. */
export function firstLine(text: string): string {
  const line = text.toWellFormed().trim().split(/[\r\n\u2028\u2029\u0085]/)[0] ?? "";
  const clean = line.replace(/\p{C}/gu, " ").replace(/\s+/g, " ").trim();
  const points = [...clean];
  return points.length > MAX_LINE ? `${points.slice(0, MAX_LINE - 1).join("")}…` : clean;
}
