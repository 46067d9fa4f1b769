import { AppError } from "../../../contract/errors.ts";
import type { ApiRequest } from "./api_request.ts";
import type { Endpoint } from "./endpoint.ts";
import { ACCEPTED } from "./page/format.ts";
import type { PathStep } from "./page/json_walk.ts";
import { createPaginator } from "./paginators/create.ts";
import type { Turn } from "./paginators/paginator.ts";
import { fillIn, type Values } from "./fill_in.ts";

/** The requests of one reading of an endpoint. */
export class Requests {
  readonly #baseUrl: URL;
  readonly #endpoint: Endpoint;
  readonly #values: Values;

  constructor(baseUrl: URL, endpoint: Endpoint, values: Values) {
    this.#baseUrl = baseUrl;
    this.#endpoint = endpoint;
    this.#values = values;
  }

  /** The first request of a reading. Throws `invalid`. */
  first({ paginator }: Pick<Endpoint, "paginator">): ApiRequest {
    return this.make(createPaginator(paginator ?? { type: "auto" }).first, undefined);
  }

  /** `before` is the address of the page before, to which a next one may be relative. Throws `invalid`. */
  make(turn: Turn, before: URL | undefined): ApiRequest {
    const { headers, response_format: format } = this.#endpoint;
    const json = this.#json(turn);
    const method = this.#endpoint.method ?? (json === undefined ? "GET" : "POST");
    const url = turn.url === undefined ? this.#url(turn) : nextUrl(turn.url, before ?? this.#baseUrl);
    return {
      method,
      url,
      body: json === undefined ? null : JSON.stringify(json),
      accept: ACCEPTED[format],
      headers,
    };
  }

  #url({ params = {} }: Turn): URL {
    const { path, params: own, incremental } = this.#endpoint;
    const url = urlOf(this.#baseUrl, fillIn(path, this.#values, encodeURIComponent));
    const filled = fillIn(own, this.#values, (text) => text);
    for (const [name, value] of Object.entries(filled)) {
      url.searchParams.delete(name);
      for (const item of [value].flat()) url.searchParams.append(name, String(item));
    }
    const { start, end } = this.#values;
    if (incremental?.start_param !== undefined && start !== undefined) {
      url.searchParams.set(incremental.start_param, start);
    }
    if (incremental?.end_param !== undefined && end !== undefined) {
      url.searchParams.set(incremental.end_param, end);
    }
    for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
    return url;
  }

  #json({ body = [] }: Turn): unknown {
    const { json } = this.#endpoint;
    if (json === undefined && body.length === 0) return undefined;
    let filled: unknown = fillIn(json ?? {}, this.#values, (text) => text);
    for (const [path, value] of body) filled = withValue(filled, path, value);
    return filled;
  }
}

/** The address of a path below the base. Throws `invalid` for one of another server. */
export function urlOf(baseUrl: URL, path: string): URL {
  const relative = path.replace(/^\/+/, "");
  const url = URL.parse(relative === "" ? baseUrl.href.replace(/\/$/, "") : relative, baseUrl);
  if (url === null) throw new AppError("invalid", `"${path}" is no path of ${baseUrl.href}`);
  if (url.origin === baseUrl.origin && url.pathname.startsWith(baseUrl.pathname.replace(/\/$/, ""))) {
    return url;
  }
  throw new AppError("invalid", `The path "${path}" leads out of base_url (${baseUrl.href})`);
}

function nextUrl(address: string, before: URL): URL {
  const url = URL.parse(address, before);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new AppError(
    "invalid",
    `The next page's address ${JSON.stringify(address.slice(0, 200))} is none of the web`,
  );
}

/** The value with another one at the path, whose objects are made where they are missing. */
export function withValue(value: unknown, [step, ...rest]: readonly PathStep[], inner: unknown): unknown {
  if (step === undefined) return inner;
  if (typeof step === "number") {
    const items: unknown[] = Array.isArray(value) ? [...value] : [];
    items[step] = withValue(items[step], rest, inner);
    return items;
  }
  const members: Readonly<Record<string, unknown>> = typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value))
    : {};
  return { ...members, [step]: withValue(members[step], rest, inner) };
}
