/** JSON with its numbers as they are written. Throws SyntaxError. */
export function exactJson(text: string): unknown {
  return JSON.parse(
    text,
    (_key, value: unknown, context?: { source?: string }) =>
      typeof value === "number" && context?.source !== undefined ? new ExactNumber(context.source) : value,
  );
}

/** A number by its text: one of more than 15 digits stays what it is. */
class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toJSON(): unknown {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(this.text);
  }
}

/** The fields of an object of `exactJson`: texts as they are, everything else as its JSON. Undefined for what is no object. */
export function fieldTexts(value: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const fields = Object.entries(value).flatMap(([name, item]) =>
    item === null ? [] : [[name, typeof item === "string" ? item : JSON.stringify(item)] as const]
  );
  return Object.fromEntries(fields);
}

/** A number of `exactJson`; undefined for anything else. */
export const numberOf = (value: unknown): number | undefined =>
  value instanceof ExactNumber ? Number(value.text) : undefined;
