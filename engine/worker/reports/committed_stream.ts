import type { JsonValue } from "../../../contract/json.ts";
import type { Step } from "../../../contract/run.ts";
import type { CommittedStream } from "../../../contract/streams/stream_view.ts";
import type { StreamState } from "../../warehouse/stream_state.ts";

const MAX_VALUE_CHARS = 200;
const MAX_STATE_CHARS = 500;
/** Of a list or an object so many are shown. */
const MAX_MEMBERS = 5;
/** Keys whose values let in who has them. */
const SECRET_KEY = /token|secret|passw|credential|signature|authorization|api_?key|session|cookie/i;

/** How far a stream is, by the state that the last commit of its rows left. */
export function committedStream(
  stream: string,
  { cursor, source }: StreamState,
  runId: string,
  step: Step,
): CommittedStream {
  return {
    stream,
    run: runId,
    committed_at: step.finished_at ?? new Date().toISOString(),
    cursor: cursor === undefined ? null : { ...cursor, value: cut(cursor.value, MAX_VALUE_CHARS) },
    state: source === undefined ? null : shownState(source),
  };
}

/** A source's state for a person: as JSON, cut short, without what may be a secret. */
export const shownState = (state: JsonValue): string =>
  cut(JSON.stringify(shownValue(state)), MAX_STATE_CHARS);

function shownValue(value: JsonValue): JsonValue {
  if (typeof value === "string") return cut(withoutQuery(value), MAX_VALUE_CHARS);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const more = value.length - MAX_MEMBERS;
    const shown = value.slice(0, MAX_MEMBERS).map(shownValue);
    return more > 0 ? [...shown, `… ${more} more`] : shown;
  }
  const entries = Object.entries(value);
  const shown = entries.slice(0, MAX_MEMBERS).map(([key, inner]) => [
    key,
    SECRET_KEY.test(key) ? "[redacted]" : shownValue(inner),
  ]);
  const more = entries.length - MAX_MEMBERS;
  return Object.fromEntries(more > 0 ? [...shown, ["…", `${more} more`]] : shown);
}

/** An address may be signed by its query. */
const withoutQuery = (text: string): string =>
  /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text.replace(/\?.*$/s, "?…").replace(/\/\/[^/@]*@/, "//") : text;

function cut(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most).join("")}…`;
}
