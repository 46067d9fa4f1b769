import * as v from "valibot";
import { formatDuration, formatPlural } from "../../text/format.ts";
import { described } from "../described.ts";

/** What the requests of a stream or a load of an API have come to. */

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const trafficSchema = v.object({
  requests: described(count, "Requests that were sent, those of retries and redirects among them."),
  pages: described(count, "Of a stream: pages whose records were taken; 0 of a load."),
  retries: described(count, "Requests that were sent again after a failure that may pass, as 429 or 503."),
  redirects: described(count, "Redirects that were followed."),
  waited_ms: described(
    count,
    "Waited for rate_limit, for Retry-After and between tries; of requests that wait side by side the sum.",
  ),
});
export type Traffic = v.InferOutput<typeof trafficSchema>;

export const NO_TRAFFIC: Traffic = { requests: 0, pages: 0, retries: 0, redirects: 0, waited_ms: 0 };

/** Waits are rounded to whole milliseconds. */
export function addTraffic(one: Traffic, other: Partial<Traffic>): Traffic {
  const { requests = 0, pages = 0, retries = 0, redirects = 0, waited_ms = 0 } = other;
  return {
    requests: one.requests + requests,
    pages: one.pages + pages,
    retries: one.retries + retries,
    redirects: one.redirects + redirects,
    waited_ms: one.waited_ms + Math.round(waited_ms),
  };
}

/** Less is what a program needs to think, and nobody's limit. */
export const SHOWN_WAIT_MS = 50;

/** `12 requests, 10 pages, 2 retries, waited 3.5 s`: the requests, and of the others what there was. */
export function trafficText({ requests, pages, retries, redirects, waited_ms }: Traffic): string {
  return [
    formatPlural(requests, "request"),
    ...(pages === 0 ? [] : [formatPlural(pages, "page")]),
    ...(retries === 0 ? [] : [formatPlural(retries, "retry", "retries")]),
    ...(redirects === 0 ? [] : [formatPlural(redirects, "redirect")]),
    ...(waited_ms < SHOWN_WAIT_MS ? [] : [`waited ${formatDuration(waited_ms)}`]),
  ].join(", ");
}
