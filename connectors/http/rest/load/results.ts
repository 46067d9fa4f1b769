import type { DeliveryResult } from "../../../../contract/connector/destination.ts";
import { AppError } from "../../../../contract/errors.ts";
import { messageIn } from "../api_error.ts";
import { simplePath } from "../json_path.ts";
import type { PathStep } from "../page/json_walk.ts";
import type { RestTarget } from "./target.ts";

const SHOWN_CHARACTERS = 300;
const LATER = [408, 425, 429];

/**
 * What an answer says of each of so many rows. Throws `invalid`, with `shown` for the request, where it does not say
 * it of each.
 */
export function resultsIn(
  bytes: Uint8Array,
  results: NonNullable<RestTarget["results"]>,
  rows: number,
  shown: string,
): DeliveryResult[] {
  const { selector, status_path, error_path } = results;
  const unclear = (what: string) =>
    new AppError("invalid", `${shown}: ${what}, so that it is not known which rows were taken`);
  let found: unknown;
  try {
    found = valueAt(JSON.parse(new TextDecoder().decode(bytes)), selector);
  } catch {
    throw unclear("the answer is no JSON");
  }
  const list: readonly unknown[] | undefined = Array.isArray(found)
    ? found
    : rows === 1 && typeof found === "object" && found !== null
    ? [found]
    : undefined;
  if (list?.length !== rows) {
    const many = list === undefined ? "no list of results" : `${list.length} results`;
    throw unclear(`the answer to ${rows} rows has ${many}${selector === undefined ? "" : ` at ${selector}`}`);
  }
  return list.map((result, index) => {
    const status = status_path === undefined ? undefined : Number(valueAt(result, status_path) ?? NaN);
    if (Number.isNaN(status)) throw unclear(`result ${index + 1} has no status at ${status_path}`);
    const error = error_path === undefined ? undefined : valueAt(result, error_path);
    const hasError = status === undefined ? isFault(error) : status >= 400;
    if (!hasError) return { type: "ok" };
    const words = (messageIn(error ?? result, 0) ?? JSON.stringify(error ?? result)).slice(
      0,
      SHOWN_CHARACTERS,
    );
    const reason = status === undefined ? words : `${status}: ${words}`;
    const isLater = status !== undefined && (status >= 500 || LATER.includes(status));
    return { type: isLater ? "retryable" : "rejected", reason };
  });
}

const isFault = (error: unknown): boolean =>
  error !== undefined && error !== null && error !== false && error !== "" &&
  !(Array.isArray(error) && error.length === 0);

function valueAt(value: unknown, path: string | undefined): unknown {
  const steps: readonly PathStep[] = path === undefined ? [] : simplePath(path) ?? [];
  let found = value;
  for (const step of steps) {
    if (typeof found !== "object" || found === null) return undefined;
    found = new Map<string, unknown>(Object.entries(found)).get(String(step));
  }
  return found;
}
