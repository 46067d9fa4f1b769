import { TelemetryRefused } from "../refused.ts";
import type { LineageSettings } from "../settings.ts";
import type { RunEvent } from "./run_event.ts";

/** So long a receiver has for one event. */
const SEND_MS = 10_000;
/** Answers by which a receiver says that it will never take an event. */
const REFUSALS = new Set([400, 413, 415, 422]);

/** Throws where the receiver did not take it: TelemetryRefused where it never will. */
export async function postEvent(
  { url, apiKey }: LineageSettings,
  event: RunEvent,
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...authorizationOf(apiKey) },
    body: JSON.stringify(event),
    redirect: "manual",
    signal: AbortSignal.any([signal, AbortSignal.timeout(SEND_MS)]),
  });
  // What it says may repeat what it was sent.
  await response.body?.cancel();
  if (response.ok) return;
  const words = `answered ${response.status}`;
  throw REFUSALS.has(response.status) ? new TelemetryRefused(words) : new Error(words);
}

/** Throws where nobody answers, or only to say that they take nothing from us. */
export async function probeLineage({ url, apiKey }: LineageSettings): Promise<void> {
  const response = await fetch(url, {
    headers: authorizationOf(apiKey),
    redirect: "manual",
    signal: AbortSignal.timeout(SEND_MS),
  });
  await response.body?.cancel();
  const { status } = response;
  // What is posted to need not be read from.
  if (status === 401 || status === 403 || status >= 500) throw new Error(`answered ${status}`);
}

const authorizationOf = (apiKey: string | undefined): Record<string, string> =>
  apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
