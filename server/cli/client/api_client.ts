import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import { problemSchema } from "../../http/problem.ts";

export interface ApiRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Requests to a server's HTTP API with its local token; every failure is an AppError. */
export class ApiClient {
  readonly url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  /** Whether the server can be reached and is ready. */
  async isReady(): Promise<boolean> {
    try {
      const response = await fetch(new URL("/healthz", this.url));
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  /** The response's body, parsed by its schema. Throws `internal` where the server says something else. */
  async read<T>(schema: v.GenericSchema<unknown, T>, path: string, request: ApiRequest = {}): Promise<T> {
    const response = await this.send(path, request);
    const parsed = v.safeParse(schema, await response.json());
    if (parsed.success) return parsed.output;
    throw new AppError(
      "internal",
      `The server at ${this.url} gave a response to ${path} that is not understood`,
      {
        detail: parsed.issues.map((issue) => `${v.getDotPath(issue) ?? ""}: ${issue.message}`).join("\n"),
      },
    );
  }

  /** The response of a request that went well. Throws what the server said otherwise. */
  async send(path: string, request: ApiRequest = {}): Promise<Response> {
    const url = new URL(path, this.url);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    let response: Response;
    try {
      response = await fetch(url, {
        method: request.method ?? "GET",
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(request.body === undefined ? {} : { "content-type": "application/json" }),
          ...request.headers,
        },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
    } catch (error) {
      request.signal?.throwIfAborted();
      throw new AppError("unavailable", `The server at ${this.url} does not answer`, { cause: error });
    }
    if (response.ok) return response;
    throw await problemOf(response);
  }
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
