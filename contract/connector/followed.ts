import * as v from "valibot";
import { described } from "../described.ts";

/** How far the streams of a pipeline are that follow a connector's log of changes. */

const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const followedStreamSchema = v.object({
  stream: described(v.string(), "The stream's name."),
  last_change_at: described(
    v.nullable(time),
    "When the newest of its changes that are stored was committed at the source; null before the first.",
  ),
  error: described(v.nullable(v.string()), "Why the last run could not follow it; null where it could."),
});

export const followedConnectorSchema = v.object({
  connector: described(v.string(), "The connector whose log is followed."),
  position: described(
    v.nullable(v.string()),
    "Everything that the log has before this place is stored; as the system writes it.",
  ),
  behind_bytes: described(
    v.nullable(count),
    "Bytes of the log behind the position, at looked_at; null where the system does not say.",
  ),
  retained_bytes: described(
    v.nullable(count),
    "What the system keeps of its log for this pipeline, at looked_at; null where it keeps it anyway.",
  ),
  up_to: described(
    v.nullable(time),
    "Everything that was committed at the source before this is stored; null before the first catch-up.",
  ),
  caught_up: described(v.boolean(), "Whether the last run got to where the log ended when it began."),
  warning: described(v.nullable(v.string()), "What has to be looked at soon, and what to do about it."),
  looked_at: described(time, "When the system was last asked, by a run or by the server."),
  streams: described(v.array(followedStreamSchema), "In the order of the definition."),
});
export type FollowedConnector = v.InferOutput<typeof followedConnectorSchema>;

/** As runs report it: `token` is what the system knows the pipeline by. */
export const followedReportSchema = v.object({ ...followedConnectorSchema.entries, token: v.string() });
export type FollowedReport = v.InferOutput<typeof followedReportSchema>;

/** As it is shown. */
export const followedViewSchema = v.object({
  ...followedConnectorSchema.entries,
  lag_seconds: described(v.nullable(count), "Seconds since up_to."),
});
export type FollowedView = v.InferOutput<typeof followedViewSchema>;
