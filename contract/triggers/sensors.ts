import * as v from "valibot";
import { formatDuration } from "../../text/format.ts";
import { connectorName, duration, durationMs, text } from "../pipeline/words.ts";

/** Files that a pipeline waits for. */

/** A look is a process of its own. */
export const MIN_EVERY_MS = 10_000;

export const sensorSchema = v.pipe(
  v.strictObject({
    connector: v.pipe(connectorName, v.description("Where the files are: a connector of files.")),
    path: v.pipe(text, v.description("A file or object, or a glob of them, as a stream's path.")),
    every: v.optional(
      v.pipe(
        duration,
        v.check((every) => durationMs(every) >= MIN_EVERY_MS, "expected 10s or more"),
        v.description("How often it is looked for."),
      ),
      "1m",
    ),
    timeout: v.optional(
      v.pipe(duration, v.description("Without a new file for so long, that is a problem.")),
    ),
  }),
  v.description("A file that is new or has changed starts a run."),
);
export type SensorDefinition = v.InferOutput<typeof sensorSchema>;

/** What keeps a sensor from its files; null for nothing. Times are epoch milliseconds. */
export function sensorProblem(
  { connector, path, timeout }: SensorDefinition,
  state: { readonly waitingSinceMs: number; readonly error: string | null },
  nowMs: number,
): string | null {
  if (state.error !== null) return state.error;
  const waitedMs = nowMs - state.waitingSinceMs;
  if (timeout === undefined || waitedMs <= durationMs(timeout)) return null;
  return `nothing new at "${path}" of ${connector} for ${formatDuration(waitedMs)}: timeout is ${timeout}`;
}

/** Tells the sensors of a pipeline apart, whatever else is changed of them. */
export const sensorKey = ({ connector, path }: Pick<SensorDefinition, "connector" | "path">): string =>
  `${connector} ${path}`;
