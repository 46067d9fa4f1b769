import * as v from "valibot";
import { described } from "./described.ts";

/**
 * Rows of a stream that did not fit, and rows of a load that its destination did not want, as the run that judged
 * them last has reported them.
 */

/** How many of a stream's rejects are shown; the newest. */
export const SHOWN_REJECTS = 200;
/** A row's text is cut behind so many characters, with `…` in place of the rest. */
export const REJECT_ROW_CHARS = 2_000;

const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const shownRejectSchema = v.object({
  reason: described(v.string(), "What does not fit, with the column and its value."),
  position: described(v.nullable(v.string()), "Where it is in its source, as a.csv line 12."),
  row: described(v.nullable(v.string()), "The row as it came, as JSON; null where values are masked."),
  run: described(v.string(), "The run that kept it."),
  attempt: described(count, "The attempt of that run."),
  rejected_at: described(time, "When it was kept, or rejected the last time."),
  tries: v.optional(described(count, "Of a load: how often it was sent again and rejected once more."), 0),
});

export const rejectSummarySchema = v.object({
  stream: described(v.string(), "The stream's name; of a load its step, as load:contacts→crm."),
  count: described(count, "All its rejects."),
  reason: described(v.string(), "The reason of the newest."),
  run: described(v.nullable(v.string()), "The run that reported them; null for a command."),
  changed_at: described(time, "When that was."),
});
export type RejectSummary = v.InferOutput<typeof rejectSummarySchema>;

export const streamRejectsSchema = v.object({
  ...rejectSummarySchema.entries,
  rejects: described(v.array(shownRejectSchema), "The newest, 200 at most."),
});
export type StreamRejects = v.InferOutput<typeof streamRejectsSchema>;

/** Which rejects are meant, and what is to become of them. */
export interface RejectsChange {
  /** replay: into the raw table of a stream, or to the destination of a load once more. */
  readonly action: "replay" | "drop";
  /** Those of these positions only; all where it is left out. */
  readonly positions?: readonly string[] | undefined;
}

/** What became of the rejects of a stream or a load. */
export const rejectChangeSchema = v.object({
  stream: described(v.string(), "The stream's name, or the load's step."),
  replayed: described(
    count,
    "Rows that fit now and are in the raw table, or that the destination has taken.",
  ),
  dropped: described(count, "Rows that were removed."),
  left: described(count, "Rows that are still kept aside."),
  reason: described(
    v.nullable(v.string()),
    "Why the first of those that were tried does not fit, or was rejected again.",
  ),
});
export type RejectChange = v.InferOutput<typeof rejectChangeSchema>;
