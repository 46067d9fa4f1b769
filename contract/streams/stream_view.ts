import * as v from "valibot";
import { described } from "../described.ts";
import { stepSchema } from "../run.ts";

/** The streams of a pipeline: how their last read went, and how far they are. */

const time = v.pipe(v.string(), v.isoTimestamp());

const committedEntries = {
  run: described(v.string(), "The run that committed it."),
  committed_at: described(time, "When that was."),
  cursor: described(
    v.nullable(v.object({
      column: described(v.string(), "The column that tells how far."),
      value: described(v.string(), "Its greatest value so far, as text."),
      type: described(v.string(), "Its type, as DuckDB writes it."),
    })),
    "Where an incremental or append stream goes on; null for one without an update_key.",
  ),
  state: described(
    v.nullable(v.string()),
    "What the source itself wants to go on from, as JSON: cut short, and without what may be a secret. Null for none.",
  ),
};

/** As runs report it, once its rows are committed. */
export const committedStreamSchema = v.object({ stream: v.string(), ...committedEntries });
export type CommittedStream = v.InferOutput<typeof committedStreamSchema>;

const lastReadEntries = v.pick(stepSchema, [
  "state",
  "rows",
  "size_bytes",
  "rejects",
  "unchanged",
  "traffic",
  "started_at",
  "finished_at",
  "duration_ms",
  "error",
]).entries;

export const streamViewSchema = v.object({
  stream: described(v.string(), "The stream's name."),
  connector: described(v.string(), "What it is read from."),
  mode: described(v.string(), "How it is read: full, incremental, append or cdc."),
  last_read: described(
    v.nullable(v.object({
      run: described(v.string(), "The run that read it."),
      ...lastReadEntries,
    })),
    "Its step in the last run that has begun to read it; null where none of the pipeline's newest 20 has.",
  ),
  committed: described(
    v.nullable(v.object(committedEntries)),
    "How far it is: its last state, of the last run that read it to its end; null before the first.",
  ),
});
export type StreamView = v.InferOutput<typeof streamViewSchema>;
