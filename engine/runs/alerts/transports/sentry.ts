import type { SentryNotifier } from "../../../../contract/alerts/notifiers.ts";
import type { AlertEvent } from "../../../../contract/alerts/problem.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { Message } from "../messages.ts";
import { commonHeaders, sendAll, type Transport } from "./transport.ts";

/**
 * Sentry's envelopes, one for each event. A repeat has the same event_id, by which Sentry knows it.
 * https://develop.sentry.dev/sdk/foundations/transport/envelopes/
 */
export const sendSentry: Transport<SentryNotifier> = async (notifier, message, way, signal) => {
  const { url, key } = endpointOf(notifier.dsn);
  const headers = {
    ...commonHeaders(message),
    "content-type": "application/x-sentry-envelope",
    "x-sentry-auth": `Sentry sentry_version=7, sentry_client=sluice/1.0, sentry_key=${key}`,
  };
  const bodies = await Promise.all(
    message.events.map((event, index) => envelopeOf(notifier, message, event, index)),
  );
  return await sendAll(bodies.map((body) => () => way.post({ url, headers, body, signsIn: true }, signal)));
};

/** `https://key@host/42` → `https://host/api/42/envelope/`. */
function endpointOf(dsn: string): { readonly url: string; readonly key: string } {
  const match = /^(https?:\/\/)([^@:/]+)(?::[^@/]*)?@([^/]+)((?:\/[^/]+)*)\/(\d+)$/.exec(dsn);
  if (match === null) throw new AppError("invalid", "The DSN is none: expected https://key@host/42");
  const [, scheme, key = "", host, path, project] = match;
  return { url: `${scheme}${host}${path}/api/${project}/envelope/`, key };
}

const LEVELS: Readonly<Record<AlertEvent["event"], string>> = {
  success: "info",
  failure: "error",
  retry: "warning",
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

async function envelopeOf(
  { environment = "production" }: SentryNotifier,
  message: Message,
  event: AlertEvent,
  index: number,
): Promise<string> {
  const eventId = await idOf(`${message.id} ${index}`);
  const url = message.link(event);
  const item = JSON.stringify({
    event_id: eventId,
    timestamp: event.at,
    platform: "other",
    logger: "sluice",
    level: LEVELS[event.event],
    environment,
    message: { formatted: message.lines[index] ?? event.message },
    fingerprint: ["sluice", event.key, event.event],
    tags: { event: event.event, ...(event.pipeline === null ? {} : { pipeline: event.pipeline }) },
    extra: {
      ...event,
      delivery: message.id,
      repeated: message.isRepeated,
      ...(url === undefined ? {} : { url }),
    },
  });
  const length = new TextEncoder().encode(item).length;
  const sentAt = new Date(message.createdAtMs).toISOString();
  return [
    JSON.stringify({ event_id: eventId, sent_at: sentAt }),
    JSON.stringify({ type: "event", content_type: "application/json", length }),
    item,
  ].join("\n");
}

/** 32 digits, the same for the same text. */
async function idOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash).toHex().slice(0, 32);
}
