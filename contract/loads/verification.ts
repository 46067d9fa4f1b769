import * as v from "valibot";
import { described } from "../described.ts";
import { errorRecordSchema } from "../run.ts";

/** What the loads of a pipeline have left, and whether their targets still hold it. Times are ISO 8601 in UTC. */

const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/**
 * `same`: the target holds what was loaded. `differs`: it does not. `not_verifiable`: nobody can tell, for the reason
 * that is given. `failed`: the target could not be read.
 */
export const VERDICTS = ["same", "differs", "not_verifiable", "failed"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** `not_compared`: there is nothing to compare with, or what there is says nothing of the target's rows. */
export const COMPARISONS = ["same", "differs", "not_compared"] as const;
export type ComparisonResult = (typeof COMPARISONS)[number];

/** What a load left when it last succeeded. */
export const receiptSchema = v.object({
  run: described(v.string(), "The run."),
  loaded_at: described(time, "When the load was done."),
  rows: described(v.nullable(count), "Rows that were sent."),
  size_bytes: described(
    v.nullable(count),
    "Their bytes, or those of the files; null where that is not known.",
  ),
  inserted: v.exactOptional(described(count, "Rows of the target that are new.")),
  updated: v.exactOptional(described(count, "Rows of the target that were changed.")),
  deleted: v.exactOptional(described(count, "Rows of the target that are gone.")),
  hash: v.exactOptional(
    described(v.string(), "A hash of the rows that does not depend on their order, in hexadecimal."),
  ),
  verified: v.exactOptional(
    described(v.boolean(), "The load read its target back, and it held what was loaded."),
  ),
});
export type Receipt = v.InferOutput<typeof receiptSchema>;

/** What reading a load's target back has shown. */
export const loadVerificationSchema = v.object({
  load: described(v.string(), "The load's step, as load:daily→lake."),
  verdict: described(
    v.picklist(VERDICTS),
    "same: the target holds what was loaded. differs: it does not. not_verifiable: nobody can tell, the message says " +
      "why. failed: the target could not be read.",
  ),
  message: described(v.string(), "What was found, what differs, or why nobody can tell."),
  notes: described(v.array(v.string()), "What was not compared, and what else is known."),
  receipt: described(v.nullable(receiptSchema), "The last load that succeeded; null where none is known."),
  expected_rows: described(
    v.nullable(count),
    "Rows that the load would send now; those of the receipt where the target was compared with that.",
  ),
  expected_hash: described(v.nullable(v.string()), "Their hash."),
  found_rows: described(
    v.nullable(count),
    "Rows of the target that the load is about: all of them, or those of its keys or partitions.",
  ),
  found_hash: described(v.nullable(v.string()), "Their hash, in the warehouse's types."),
  target_rows: described(v.nullable(count), "All rows of the target."),
  against_receipt: described(
    v.picklist(COMPARISONS),
    "Whether the rows found are those that the last load sent.",
  ),
  against_warehouse: described(
    v.picklist(COMPARISONS),
    "Whether the rows found are those that the load would send now.",
  ),
  verified_at: described(time, "When its target had been read."),
  duration_ms: described(count, "How long that took."),
});
export type LoadVerification = v.InferOutput<typeof loadVerificationSchema>;

/**
 * `none`: nobody has asked for one. `done`: each load has its verdict, whatever that is. `failed`: it did not come to
 * the end; loads before that have theirs.
 */
export const VERIFICATION_STATES = ["none", "running", "done", "failed"] as const;
export type VerificationState = (typeof VERIFICATION_STATES)[number];

export const verificationSchema = v.object({
  pipeline: described(v.string(), "The pipeline."),
  load: described(v.nullable(v.string()), "The load that was asked for; null for all of them."),
  state: described(
    v.picklist(VERIFICATION_STATES),
    "none: nobody has asked for one. done: each load has its verdict. failed: it did not come to the end.",
  ),
  started_at: described(v.nullable(time), "When it began."),
  finished_at: described(v.nullable(time), "When it ended."),
  started_by: described(v.nullable(v.string()), "Who asked for it."),
  error: described(v.nullable(errorRecordSchema), "Why it did not come to the end."),
  ok: described(
    v.boolean(),
    "It is done, at least one target could be verified, and none differs or failed.",
  ),
  loads: described(v.array(loadVerificationSchema), "In the order of the definition, as far as it has got."),
});
export type Verification = v.InferOutput<typeof verificationSchema>;

/** Of a pipeline for which nobody has asked for one. */
export const noVerification = (pipeline: string): Verification => ({
  pipeline,
  load: null,
  state: "none",
  started_at: null,
  finished_at: null,
  started_by: null,
  error: null,
  ok: false,
  loads: [],
});

/** A load of the definition in force with what is known of it. */
export const loadSummarySchema = v.object({
  load: described(v.string(), "The load's step, as load:daily→lake."),
  table: described(v.string(), "What is loaded: raw.orders of a stream, daily of a model."),
  connector: described(v.string(), "The connector that it is loaded into."),
  target: described(v.string(), "Where there, as a table or a path."),
  mode: described(v.string(), "How it is loaded, as replace or merge."),
  receipt: described(v.nullable(receiptSchema), "The last load that succeeded; null where none is known."),
  verification: described(
    v.nullable(v.object({
      verdict: described(v.picklist(VERDICTS), "What reading the target back has shown."),
      verified_at: described(time, "When that was."),
      run: described(v.nullable(v.string()), "The run whose load it was of."),
    })),
    "The last verification by command; null where there was none.",
  ),
});
export type LoadSummary = v.InferOutput<typeof loadSummarySchema>;

/** Whether all of it could be told to be well, and something could be told at all. */
export function isVerified(
  state: VerificationState,
  loads: readonly Pick<LoadVerification, "verdict">[],
): boolean {
  return state === "done" && loads.some(({ verdict }) => verdict === "same") &&
    loads.every(({ verdict }) => verdict === "same" || verdict === "not_verifiable");
}

/** `daily→lake` of the step `load:daily→lake`. */
export const loadName = (step: string): string => step.replace(/^load:/, "");

/** Whether the text names the load: by its step with or without `load:`, `->` for the arrow, or by its table. */
export function namesLoad(text: string, load: string): boolean {
  const short = loadName(load);
  const asked = loadName(text.replace("->", "→")).replace(/^raw\./, "");
  return asked === short || asked === short.slice(0, short.indexOf("→"));
}
