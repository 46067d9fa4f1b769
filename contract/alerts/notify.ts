import * as v from "valibot";
import { PIPELINE_NAME_PATTERN } from "../names.ts";
import { duration } from "../pipeline/words.ts";

/** What somebody may want to hear of. */
export const ALERT_KINDS = [
  "success",
  "failure",
  "retry",
  "recovery",
  "warning",
  "late",
  "stale",
  "volume",
  "sensor",
] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** A failure that goes on is told again so much later, where `repeat` says nothing. */
export const DEFAULT_REPEAT = "1h";

const notifierName = v.pipe(
  v.string(),
  v.regex(PIPELINE_NAME_PATTERN, "expected the name of a notifier in notifiers.yaml"),
);

const notifyRuleSchema = v.strictObject({
  on: v.pipe(
    v.union([
      v.pipe(v.array(v.picklist(ALERT_KINDS)), v.minLength(1, "expected at least one of the events")),
      v.picklist(ALERT_KINDS),
    ]),
    v.description(
      "success, failure, retry, recovery, warning, late (a run over late_after, or data over freshness), stale (data over freshness alone), volume (counts of rows out of their range), sensor (files that cannot be looked for, or nothing new within timeout).",
    ),
  ),
  to: v.pipe(
    v.union([v.pipe(v.array(notifierName), v.minLength(1, "expected at least one notifier")), notifierName]),
    v.description("A notifier of notifiers.yaml, or a list of them."),
  ),
  repeat: v.optional(
    v.pipe(
      duration,
      v.description(
        "While it goes on failing, tell it again so much later; 1h by default, 0s at each failure.",
      ),
    ),
  ),
});
export type NotifyRule = v.InferOutput<typeof notifyRuleSchema>;

export const notifySchema = v.pipe(
  v.union([v.array(notifyRuleSchema), notifyRuleSchema]),
  v.description("Who hears of what: one rule, or a list of them."),
);

export const lateAfterSchema = v.pipe(
  duration,
  v.description("A run that has not ended so long after it was due, or was asked for, is late."),
);

export const freshnessSchema = v.pipe(
  duration,
  v.description("Data is stale where the last success is older than this."),
);

/** The rules as a list. */
export function notifyRules(notify: v.InferOutput<typeof notifySchema> | undefined): readonly NotifyRule[] {
  if (notify === undefined) return [];
  return Array.isArray(notify) ? notify : [notify];
}

/** Whether the rule is for an event of this kind; `of` is what a recovery is the end of. */
export function isFor({ on }: NotifyRule, kind: AlertKind, of?: AlertKind): boolean {
  const wanted: readonly AlertKind[] = typeof on === "string" ? [on] : on;
  const has = (one: AlertKind) => wanted.includes(one) || (one === "stale" && wanted.includes("late"));
  if (kind !== "recovery") return has(kind);
  // Of a failure that has passed others may want to hear than of the failure.
  return wanted.includes("recovery") && (of === undefined || of === "failure" || has(of));
}

/** Names of the notifiers that the rule is for. */
export const notifiersOf = ({ to }: NotifyRule): readonly string[] => typeof to === "string" ? [to] : to;
