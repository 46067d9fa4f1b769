import * as v from "valibot";
import { described } from "../described.ts";
import { LOG_LEVELS, type LogLine, logLineSchema } from "../run.ts";

/** Searching the logs of runs. */

export type LogLevelName = (typeof LOG_LEVELS)[number];

export const MAX_SEARCH_TEXT = 500;

/** Which lines are wanted: all that fit everything that is given. */
export interface LogFilter {
  /** A part of the message, in upper or lower case. */
  readonly text?: string;
  /** This level or a graver one. */
  readonly level?: LogLevelName;
  /** A step's name, `extract:orders`, or what follows its kind, `orders`. */
  readonly step?: string;
  /** Written at or after this, epoch milliseconds. */
  readonly sinceMs?: number;
  /** Written before this, epoch milliseconds. */
  readonly untilMs?: number;
}

export const foundLineSchema = v.object({
  run: described(v.string(), "The id of its run."),
  pipeline: described(v.string(), "The name of the run's pipeline."),
  ...logLineSchema.entries,
});
export type FoundLine = v.InferOutput<typeof foundLineSchema>;

const time = v.pipe(v.string(), v.isoTimestamp());

export const logFindingsSchema = v.object({
  lines: described(
    v.array(foundLineSchema),
    "Those of the newest run first; the lines of one run in their order.",
  ),
  next: described(
    v.nullable(v.string()),
    "Where the search goes on, as `after`: it has as many lines as were wanted, or its time was over. Null: that is all.",
  ),
  searched_back_to: described(
    v.nullable(time),
    "Every run that was asked for after this was searched; null where all were.",
  ),
});
export type LogFindings = v.InferOutput<typeof logFindingsSchema>;

/** Tells which lines the filter wants. */
export function logMatcher(filter: LogFilter): (line: LogLine) => boolean {
  const { level, step, sinceMs = -Infinity, untilMs = Infinity } = filter;
  const text = filter.text === undefined || filter.text === "" ? undefined : foldCase(filter.text);
  const least = level === undefined ? 0 : LOG_LEVELS.indexOf(level);
  const hasTimes = sinceMs !== -Infinity || untilMs !== Infinity;
  return (line) => {
    if (LOG_LEVELS.indexOf(line.level) < least) return false;
    if (step !== undefined && !isStep(line.step, step)) return false;
    if (hasTimes) {
      const atMs = Date.parse(line.at);
      if (atMs < sinceMs || atMs >= untilMs) return false;
    }
    return text === undefined || foldCase(line.message).includes(text);
  };
}

/** Whether the filter wants all lines. */
export function wantsAll(filter: LogFilter): boolean {
  return Object.values(filter).every((value) => value === undefined || value === "");
}

/** Texts that differ in upper and lower case alone become the same. */
export function foldCase(text: string): string {
  // The one letter whose lower case depends on what follows it.
  return text.toLowerCase().replaceAll("ς", "σ");
}

function isStep(name: string | null, wanted: string): boolean {
  return name !== null && (name === wanted || name.endsWith(`:${wanted}`));
}
