import * as v from "valibot";
import { described } from "../described.ts";
import { ALERT_KINDS } from "./notify.ts";
import { NOTIFIER_TYPES } from "./notifiers.ts";

/** Problems and what was sent about them, as the API, the command line and the page show them. */

const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** `delivery`: what a notifier or telemetry is to send does not arrive. */
export const PROBLEM_KINDS = [
  "failure",
  "warning",
  "late",
  "stale",
  "volume",
  "sensor",
  "disk",
  "certificate",
  "definitions",
  "delivery",
] as const;
export type ProblemKind = (typeof PROBLEM_KINDS)[number];

export const problemSchema = v.object({
  id: described(v.string(), "A ULID."),
  key: described(v.string(), "What it is about: while it is open, there is one of this key."),
  kind: described(v.picklist(PROBLEM_KINDS), "What kind of problem it is."),
  pipeline: described(v.nullable(v.string()), "The pipeline; null where it is the server's."),
  run: described(v.nullable(v.string()), "The id of the run that showed it last."),
  message: described(v.string(), "What is wrong, as it was last."),
  opened_at: described(time, "When it began."),
  last_at: described(time, "When it was last seen."),
  count: described(count, "How often it was seen."),
  closed_at: described(v.nullable(time), "When it was over; null while it is open."),
  acknowledged_by: described(
    v.nullable(v.string()),
    "Who is looking after it: it is not told again until it is over.",
  ),
  acknowledged_at: described(v.nullable(time), "Since when."),
  muted_until: described(v.nullable(time), "Until when nothing is sent about it."),
});
export type Problem = v.InferOutput<typeof problemSchema>;

/** What may be wrong with the server itself: of it hears who hears of failures. */
export const SERVER_KINDS = ["disk", "certificate", "definitions"] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

/**
 * What a message may tell of: `test` is what somebody asked for to
 * see whether it arrives.
 */
export const EVENT_KINDS = [...ALERT_KINDS, ...SERVER_KINDS, "test"] as const;

/** One thing that happened, as notifiers send it. */
export const alertEventSchema = v.object({
  event: described(v.picklist(EVENT_KINDS), "What happened."),
  of: described(v.nullable(v.picklist(PROBLEM_KINDS)), "Of a recovery: what is over."),
  key: described(v.string(), "The same for a problem and its recovery."),
  pipeline: described(v.nullable(v.string()), "The pipeline."),
  run: described(v.nullable(v.string()), "The id of its run."),
  at: described(time, "When it happened."),
  message: described(v.string(), "What happened, for a person."),
  count: described(count, "How often since it began."),
  attempt: described(v.nullable(count), "The run's attempt."),
  trigger: described(v.nullable(v.string()), "What the run was started by."),
  duration_ms: described(v.nullable(count), "How long the attempt took."),
  rows_extracted: described(v.nullable(count), "Rows read from sources."),
  rows_loaded: described(v.nullable(count), "Rows written to destinations."),
});
export type AlertEvent = v.InferOutput<typeof alertEventSchema>;

export const DELIVERY_STATES = ["waiting", "sent", "failed"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export const deliverySchema = v.object({
  id: described(v.string(), "A ULID; receivers get it as Idempotency-Key."),
  notifier: described(v.string(), "The notifier's name."),
  state: described(
    v.picklist(DELIVERY_STATES),
    "waiting: it gathers events, or waits for another try. failed: it was given up.",
  ),
  title: described(v.nullable(v.string()), "The first line of what was sent; null before the first try."),
  events: described(v.array(alertEventSchema), "What it tells of, in order: the first 20."),
  event_count: described(count, "How many events it tells of."),
  attempt: described(count, "How many tries there were; from the second on it is marked as repeated."),
  created_at: described(time, "When its first event happened."),
  not_before: described(v.nullable(time), "When it is tried next; null where it is over."),
  ended_at: described(v.nullable(time), "When it was sent or given up."),
  error: described(v.nullable(v.string()), "Why the last try failed."),
});
export type Delivery = v.InferOutput<typeof deliverySchema>;

export const notifierViewSchema = v.object({
  name: described(v.string(), "As notifiers.yaml calls it."),
  type: described(v.picklist(NOTIFIER_TYPES), "What kind it is."),
  description: described(v.nullable(v.string()), "What it is for."),
  pipelines: described(v.array(v.string()), "The pipelines that tell it something."),
  last: described(v.nullable(deliverySchema), "What it was last to send."),
});
export type NotifierView = v.InferOutput<typeof notifierViewSchema>;

export const notifierTestSchema = v.object({
  notifier: described(v.string(), "The notifier's name."),
  ok: described(v.boolean(), "Whether it took the message."),
  message: described(v.string(), "What it said, or why it did not."),
});
export type NotifierTest = v.InferOutput<typeof notifierTestSchema>;
