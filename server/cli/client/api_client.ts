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

/** Asks the server with the token. */
export function createApiClient(url: string, token: string): ApiClient {
  const { api } = hc<AppType>(url, {
    headers: { authorization: `Bearer ${token}` },
    fetch: (input: string | URL | Request, init?: RequestInit) => request(url, input, init),
  });
  return { url, routes: api, isReady: () => isReady(url) };
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

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL("/healthz", url));
    const { status }: { status?: unknown } = await response.json();
    return response.ok || status === "draining";
  } catch {
    return false;
  }
}

async function request(url: string, input: string | URL | Request, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(input, init);
  } catch (error) {
    init?.signal?.throwIfAborted();
    throw new AppError("unavailable", `The server at ${url} does not answer`, { cause: error });
  }
  if (response.ok) return response;
  throw await problemOf(response);
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
