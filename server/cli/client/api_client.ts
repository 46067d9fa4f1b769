import { gzipSync } from "node:zlib";
import { type ClientResponse, hc } from "hono/client";
import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import { problemSchema } from "../../http/problem.ts";
import type { AppType } from "../../routes/app.ts";

/** A server's HTTP API; every failure is an AppError. */
export interface ApiClient {
  readonly url: string;
  /** Its routes, as `routes.runs[":id"].$get({ param: { id } })`: the response of a request that went well. */
  readonly routes: ReturnType<typeof hc<AppType>>["api"];
  /** Whether the server can be reached, and is not starting still; one that lets its runs end takes requests. */
  isReady(): Promise<boolean>;
}

/** How a server is reached. */
export interface ServerAddress {
  readonly url: string;
  readonly token: string;
  /** The path of a Unix socket of the server's, to be used instead of the url. */
  readonly socket?: string;
}

/** Asks the server with the token. */
export function createApiClient({ url, token, socket }: ServerAddress): ApiClient {
  const base = socket === undefined ? url : "http://localhost";
  const send = socket === undefined ? fetch : fetchOver(socket);
  const { api } = hc<AppType>(base, {
    headers: { authorization: `Bearer ${token}` },
    fetch: (input: string | URL | Request, init?: RequestInit) => request(send, url, input, init),
  });
  return { url, routes: api, isReady: () => isReady(send, base) };
}

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** `fetch` over a Unix socket. */
function fetchOver(path: string): Fetch {
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  return (input, init) => {
    // The compiler that editors use knows no `client`.
    const over: RequestInit & { readonly client: Deno.HttpClient } = { ...init, client };
    return fetch(input, over);
  };
}

/**
 * The response's body, parsed by its schema, since the server may be of another version. Throws `internal` where it
 * is something else.
 */
export async function read<T>(
  schema: v.GenericSchema<unknown, T>,
  sent: Promise<ClientResponse<T, number, "json">>,
): Promise<T> {
  const response = await sent;
  const parsed = v.safeParse(schema, await response.json());
  if (parsed.success) return parsed.output;
  const { origin, pathname } = new URL(response.url);
  throw new AppError(
    "internal",
    `The server at ${origin} gave a response to ${pathname} that is not understood`,
    { detail: parsed.issues.map((issue) => `${v.getDotPath(issue) ?? ""}: ${issue.message}`).join("\n") },
  );
}

async function isReady(send: Fetch, url: string): Promise<boolean> {
  try {
    const response = await send(new URL("/healthz", url));
    const { status }: { status?: unknown } = await response.json();
    return response.ok || status === "draining";
  } catch {
    return false;
  }
}

async function request(
  send: Fetch,
  url: string,
  input: string | URL | Request,
  init?: RequestInit,
): Promise<Response> {
  let response: Response;
  try {
    response = await send(input, packed(init));
  } catch (error) {
    init?.signal?.throwIfAborted();
    throw new AppError("unavailable", `The server at ${url} does not answer`, { cause: error });
  }
  if (response.ok) return response;
  throw await problemOf(response);
}

/** A server takes so much as it is, and more in gzip. */
const PACKED_FROM_CHARS = 4 * 1_024 * 1_024;

function packed(init: RequestInit | undefined): RequestInit | undefined {
  if (typeof init?.body !== "string" || init.body.length < PACKED_FROM_CHARS) return init;
  const headers = new Headers(init.headers);
  headers.set("content-encoding", "gzip");
  return { ...init, headers, body: new Uint8Array(gzipSync(init.body)) };
}

/** The problem+json of a response as the error it was on the server. */
async function problemOf(response: Response): Promise<AppError> {
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // Not from our server's routes: a proxy's page, say.
  }
  const problem = v.safeParse(problemSchema, body);
  if (!problem.success) {
    return new AppError("internal", `The server at ${response.url} answered ${response.status}`);
  }
  const { code, reason, detail, faults = [] } = problem.output;
  return new AppError(code, detail, { faults, ...(reason === undefined ? {} : { reason }) });
}
