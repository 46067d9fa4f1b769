import type { ConnectorContext, PlainLine } from "../../contract/connector/connector.ts";
import { AppError } from "../../contract/errors.ts";
import { isThisMachine } from "../../contract/network/this_machine.ts";

/** What a client's connections are made with, beside the way there; PEM texts. */
export interface ClientTls {
  /** Trusted beside the system's authorities. */
  readonly authorities?: string | undefined;
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
}

/** Throws `invalid` for a certificate or a key that is none. */
export function httpClient(
  { authorities, certificate }: ClientTls,
  options: Deno.CreateHttpClientOptions = {},
): Deno.HttpClient {
  try {
    return Deno.createHttpClient({
      ...options,
      ...(authorities === undefined ? {} : { caCerts: [authorities] }),
      ...certificate,
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot use the PEM files of ca, cert and key: ${message}`, {
      cause: error,
    });
  }
}

const PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/** `name:port`, as hosts are asked for, with the protocol's own port where the address has none. */
export const hostOf = ({ protocol, hostname, port }: URL): string =>
  `${hostname}:${port === "" ? PORTS[protocol] : port}`;

/** The line to the address where it leaves this machine without TLS; none where not. */
export function plainAddress(url: URL, because: string, advice: string): PlainLine[] {
  return url.protocol !== "http:" || isThisMachine(url.hostname)
    ? []
    : [{ host: hostOf(url), because, advice }];
}

/** `fetch` over connections that the server makes, see ConnectorContext.wayOut. It follows no redirect. */
export class GuardedFetch implements Disposable {
  readonly #wayOut: ConnectorContext["wayOut"];
  readonly #tls: ClientTls;
  readonly #known = new Set<string>();
  #client: Deno.HttpClient | undefined;

  constructor(wayOut: ConnectorContext["wayOut"], tls: ClientTls = {}) {
    this.#wayOut = wayOut;
    this.#tls = tls;
  }

  /** Throws `forbidden` and `unavailable` as `wayOut` does, and what `fetch` throws. */
  async fetch(url: URL, init: RequestInit): Promise<Response> {
    const host = hostOf(url);
    const client = this.#known.has(host) && this.#client !== undefined
      ? this.#client
      : await this.#admitted(host);
    try {
      // The compiler that editors use knows no `client`.
      const request: RequestInit & { readonly client: Deno.HttpClient } = {
        ...init,
        redirect: "manual",
        client,
      };
      return await fetch(url, request);
    } catch (error) {
      init.signal?.throwIfAborted();
      // The proxy cannot say what it has against a host.
      await this.#wayOut(host);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#client?.close();
    this.#client = undefined;
  }

  async #admitted(host: string): Promise<Deno.HttpClient> {
    const { url, basicAuth } = await this.#wayOut(host);
    this.#known.add(host);
    const proxy: Deno.Proxy = { transport: "socks5", url, basicAuth };
    this.#client ??= httpClient(this.#tls, { proxy });
    return this.#client;
  }
}
