import type { PagerdutyNotifier } from "../../../../contract/alerts/notifiers.ts";
import type { AlertEvent } from "../../../../contract/alerts/problem.ts";
import type { Message } from "../messages.ts";
import { postJson, sendAll, type Transport } from "./transport.ts";

const ENQUEUE = "https://events.pagerduty.com/v2/enqueue";
const MAX_SUMMARY = 1_024;

/**
 * PagerDuty's Events API v2: an incident for each problem, which its recovery resolves; a repeat joins the incident.
 * Successes and retries are none.
 * https://developer.pagerduty.com/docs/send-alert-event
 */
export const sendPagerDuty: Transport<PagerdutyNotifier> = (notifier, message, way, signal) => {
  const url = notifier.url ?? ENQUEUE;
  const isIncident = ({ event }: AlertEvent) => event !== "success" && event !== "retry";
  const send = (action: "trigger" | "resolve", event: AlertEvent, index: number) => () =>
    postJson(way, { url, body: bodyOf(notifier, message, { action, event, index }), message }, signal);
  return sendAll(message.events.flatMap((event, index) => {
    if (!isIncident(event)) return [];
    // A test leaves no incident behind.
    if (event.event === "test") return [send("trigger", event, index), send("resolve", event, index)];
    return [send(event.event === "recovery" ? "resolve" : "trigger", event, index)];
  }));
};

const SEVERITIES: Readonly<Record<AlertEvent["event"], string>> = {
  success: "info",
  failure: "error",
  retry: "info",
  recovery: "info",
  warning: "warning",
  late: "error",
  stale: "error",
  volume: "warning",
  sensor: "error",
  disk: "error",
  certificate: "error",
  definitions: "error",
  test: "info",
};

interface Incident {
  readonly action: "trigger" | "resolve";
  readonly event: AlertEvent;
  /** Its place in the message. */
  readonly index: number;
}

function bodyOf(notifier: PagerdutyNotifier, message: Message, { action, event, index }: Incident) {
  const head = { routing_key: notifier.key, event_action: action, dedup_key: `sluice ${event.key}` };
  if (action === "resolve") return head;
  const url = message.link(event);
  const summary = message.lines[index] ?? `${event.pipeline ?? "Sluice"} ${event.event}: ${event.message}`;
  return {
    ...head,
    client: "Sluice",
    ...(url === undefined ? {} : { client_url: url, links: [{ href: url, text: "Open in Sluice" }] }),
    payload: {
      summary: summary.slice(0, MAX_SUMMARY),
      source: event.pipeline ?? "sluice",
      severity: SEVERITIES[event.event],
      timestamp: event.at,
      component: event.pipeline,
      class: event.event,
      custom_details: { ...event, delivery: message.id, repeated: message.isRepeated },
    },
  };
}
