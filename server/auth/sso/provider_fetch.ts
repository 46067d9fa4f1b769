import { lookup } from "node:dns/promises";
import { AppError } from "../../../contract/errors.ts";
import { isThisMachine } from "../../../contract/network/this_machine.ts";
import { whyPrivate } from "../../../engine/grants/egress/private_addresses.ts";

const TIMEOUT_MS = 10_000;
/** Far more than any provider's metadata, keys or tokens have. */
const MOST_BYTES = 1_024 * 1_024;

export interface ProviderFetchOptions {
  readonly issuer: URL;
  readonly timeoutMs?: number;
  /** Authorities of the operator's own, in PEM, beside those of the system. */
  readonly ca?: string | undefined;
  /** The addresses of a name; as the system has them by default. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

/** What libraries call in place of `fetch`. */
export type ProviderFetch = (
  url: string,
  options: {
    readonly method: string;
    readonly headers: Headers | Record<string, string>;
    readonly body?: ArrayBuffer | ReadableStream | URLSearchParams | Uint8Array | string | null | undefined;
    readonly signal?: AbortSignal | undefined;
  },
) => Promise<Response>;

/**
 * Asks an identity provider: over https, or over http on this machine where the issuer is there as well; no redirect is
 * followed, no private address is asked that the issuer itself is not at, and what takes too long or is too large ends.
 * Throws `unavailable`.
 */
export function createProviderFetch(
  { issuer, timeoutMs = TIMEOUT_MS, ca, resolve = systemResolve }: ProviderFetchOptions,
): ProviderFetch {
  const client = ca === undefined ? undefined : Deno.createHttpClient({ caCerts: [ca] });
  return async (address, { method, headers, body, signal }) => {
    const url = new URL(address);
    await requirePlace(issuer, url, resolve);
    const timeout = AbortSignal.timeout(timeoutMs);
    const fault = (what: string, cause?: unknown) =>
      new AppError("unavailable", `The identity provider at ${issuer.origin} ${what}`, {
        reason: "provider",
        ...(cause === undefined ? {} : { cause }),
      });
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers,
        redirect: "manual",
        ...(client === undefined ? {} : { client }),
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
        ...(body === undefined ? {} : { body: body instanceof Uint8Array ? new Uint8Array(body) : body }),
      });
      const { status } = response;
      if (status >= 300 && status < 400) {
        await response.body?.cancel();
        throw fault(`sends us elsewhere from ${url.pathname}: its metadata has to name the address itself`);
      }
      const bytes = await readAtMost(response, MOST_BYTES);
      if (bytes === undefined) throw fault(`gives more than ${MOST_BYTES} bytes at ${url.pathname}`);
      const hasBody = status >= 200 && status !== 204 && status !== 205 && status !== 304;
      return new Response(hasBody ? bytes : null, { status, headers: response.headers });
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw fault(
        timeout.aborted ? `does not answer within ${timeoutMs / 1_000} s` : "cannot be reached",
        error,
      );
    }
  };
}

/** Undefined where there is more. */
async function readAtMost(response: Response, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    // Leaving the loop cancels the rest.
    if (length > most) return undefined;
    parts.push(part);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function requirePlace(
  issuer: URL,
  url: URL,
  resolve: NonNullable<ProviderFetchOptions["resolve"]>,
): Promise<void> {
  const refused = (why: string) =>
    new AppError("unavailable", `The metadata of ${issuer.href} names ${url.origin}, ${why}`, {
      reason: "provider",
    });
  const isPlain = url.protocol === "http:" && isThisMachine(url.hostname) &&
    issuer.protocol === "http:" && isThisMachine(issuer.hostname);
  if (url.protocol !== "https:" && !isPlain) throw refused("which is not https");
  if (url.hostname === issuer.hostname || isPlain) return;
  const [theirs, its] = await Promise.all([url, issuer].map(async ({ hostname }) => {
    const addresses = await resolve(hostname.replace(/^\[|\]$/g, "")).catch(() => []);
    return addresses.map(whyPrivate).find((why) => why !== undefined);
  }));
  if (theirs !== undefined && its === undefined) {
    throw refused(`an address that is ${theirs}: a provider in the internet has no place there`);
  }
}

const systemResolve = async (hostname: string): Promise<readonly string[]> =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);
