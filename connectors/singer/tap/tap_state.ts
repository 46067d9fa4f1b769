import type { JsonValue } from "../../../contract/json.ts";

/** What is kept of a tap with a stream's rows. */
export interface TapState {
  /** The text of the last STATE's value, as the tap wrote it; undefined before the first. */
  readonly text: string | undefined;
  /** The last ACTIVATE_VERSION's. */
  readonly version: string | undefined;
}

/** As JSON for people to look at, where that keeps every number of it; as text otherwise. */
export function storedState({ text, version }: TapState): JsonValue {
  return {
    ...(text === undefined ? {} : keepsNumbers(text) ? { state: jsonOf(text) } : { state_text: text }),
    ...(version === undefined ? {} : { version }),
  };
}

export function tapState(stored: JsonValue | undefined): TapState {
  if (typeof stored !== "object" || stored === null || Array.isArray(stored)) {
    return { text: undefined, version: undefined };
  }
  const known = new Map<string, JsonValue>(Object.entries(stored));
  const [state, text, version] = ["state", "state_text", "version"].map((key) => known.get(key));
  return {
    text: typeof text === "string" ? text : state === undefined ? undefined : JSON.stringify(state),
    version: typeof version === "string" ? version : undefined,
  };
}

// JSON.parse returns nothing else.
const jsonOf = (text: string): JsonValue => JSON.parse(text) as JsonValue;

/** Whether each number, written again, is the same text. */
function keepsNumbers(text: string): boolean {
  const outside = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  return (outside.match(/-?\d[\d.eE+-]*/g) ?? []).every((number) => String(Number(number)) === number);
}
