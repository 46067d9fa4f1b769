import * as v from "valibot";
import { MODEL_NAME_LENGTH, MODEL_NAME_PATTERN, PIPELINE_NAME_PATTERN } from "../names.ts";

/** What the keys of streams, loads and pipelines are made of. */

/** Of a stream or model that is there, or not: its own place says what is wrong with its name. */
export const tableName = v.pipe(
  v.string(),
  v.regex(
    MODEL_NAME_PATTERN,
    `expected a letter or _, then letters, digits or _, at most ${MODEL_NAME_LENGTH} characters`,
  ),
);
export const connectorName = v.pipe(
  v.string(),
  v.regex(PIPELINE_NAME_PATTERN, "expected the name of a connector in connectors.yaml"),
);
export const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
export const columns = v.pipe(v.array(text), v.minLength(1, "expected at least one column"));
export const options = v.record(v.string(), v.unknown());

/** `1%`, `0.5%`: of all rows. */
const SHARE_PATTERN = /^(?:100(?:\.0+)?|\d{1,2}(?:\.\d+)?)%$/;

/** A count of rows, or a share of them as `example`. */
export const rowLimit = (example: string) =>
  v.union(
    [v.pipe(v.number(), v.integer(), v.minValue(0)), v.pipe(v.string(), v.regex(SHARE_PATTERN))],
    `expected a number of rows, or a share of them such as ${example}`,
  );

/** A count of rows as it is, or as a share from 0 to 1 of a text that matched SHARE_PATTERN. */
export function limitOf(limit: number | string): { readonly count: number } | { readonly share: number } {
  return typeof limit === "number" ? { count: limit } : { share: Number(limit.slice(0, -1)) / 100 };
}

/** `30s`, `5m`, `1h30m`, `500ms`, `1d`; none is longer than dates can be told apart for. */
export const DURATION_PATTERN = /^(?:\d{1,5}d)?(?:\d{1,7}h)?(?:\d{1,9}m(?!s))?(?:\d{1,11}s)?(?:\d{1,14}ms)?$/;

const DURATION_EXPECTED = "expected a duration such as 30s, 5m or 1h30m";
export const duration = v.pipe(
  v.string(DURATION_EXPECTED),
  v.nonEmpty(DURATION_EXPECTED),
  v.regex(DURATION_PATTERN, DURATION_EXPECTED),
);

/** Milliseconds of a text that matched DURATION_PATTERN. */
export function durationMs(text: string): number {
  const unitMs: Readonly<Record<string, number>> = {
    d: 86_400_000,
    h: 3_600_000,
    m: 60_000,
    s: 1_000,
    ms: 1,
  };
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[dhms])/g)) {
    total += Number(count) * (unitMs[unit ?? ""] ?? 0);
  }
  return total;
}

/** A duration that is not nothing. */
export const someTime = v.pipe(
  duration,
  // What is no duration has been said to be none.
  v.check(
    (time) => durationMs(time) > 0 || time === "" || !DURATION_PATTERN.test(time),
    "expected some time",
  ),
);
