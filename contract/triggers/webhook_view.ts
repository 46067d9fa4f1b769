import * as v from "valibot";
import { described } from "../described.ts";
import { SIGNATURES } from "./webhooks.ts";

/** The webhooks of a pipeline, and what was posted to them, as the API, the command line and the pages show them. */

const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const webhookViewSchema = v.object({
  name: described(v.string(), "Its name in the pipeline."),
  signature: described(v.picklist(SIGNATURES), "How a post shows that its sender knows the secret."),
  address: described(
    v.string(),
    "Where it is posted to: whole where the server knows its own address, else as /hooks/shop/orders.",
  ),
  streams: described(
    v.array(v.string()),
    "The streams that read the bodies; none where a post only starts a run.",
  ),
  waiting: described(count, "Bodies that no run has stored yet."),
  waiting_bytes: described(count, "Their size."),
  waiting_since: described(v.nullable(time), "When the oldest of them came."),
  accepted_at: described(v.nullable(time), "When the newest body came that is still kept."),
  refused_at: described(v.nullable(time), "When a post was last refused, since the server began."),
  refused_why: described(v.nullable(v.string()), "Why it was."),
});
export type WebhookView = v.InferOutput<typeof webhookViewSchema>;

const POST_STATES = ["waiting", "read", "dropped"] as const;

export const postViewSchema = v.object({
  post: described(count, "Its number: the later has the greater. The one that its sender was told."),
  state: described(
    v.picklist(POST_STATES),
    "waiting: no run has stored it yet. read: it is stored, or nothing reads it. dropped: somebody took it out.",
  ),
  received_at: described(time, "When it came."),
  size_bytes: described(count, "Of the body; 0 of one that was dropped."),
  content_type: described(v.string(), "As its sender said; empty where it said nothing."),
  dropped_by: described(v.nullable(v.string()), "Who took it out."),
});
export type PostView = v.InferOutput<typeof postViewSchema>;
