import type { Context } from "hono";
import { unpackedBody } from "../../contract/network/unpacked_body.ts";
import type * as v from "valibot";
import { AppError } from "../../contract/errors.ts";
import { findJsonPlace } from "../../text/json_place.ts";
import { checkSchema } from "../../text/schema_faults.ts";
import type { AppEnv } from "./app_env.ts";
import type { Access } from "../../contract/access/access.ts";
import type { Permission } from "../../contract/access/permissions.ts";
import type { Principal } from "../../contract/access/principal.ts";
import type { AuditReader } from "../../engine/control/audit/reader.ts";
import type { People } from "../../engine/control/people/port.ts";
import type { Engine } from "../../engine/control/engine.ts";
import type { OWN_ACCOUNT } from "../auth/auth.ts";
import { HttpError } from "./problem.ts";

export type HttpMethod = "get" | "post" | "put" | "patch" | "delete";

/**
 * One endpoint of the API. The schemas here are the only ones: they validate the request, type the
 * handler and make /openapi.json.
 */
export interface RouteSpec<
  Input extends RequestSchema,
  Body,
  Method extends HttpMethod = HttpMethod,
  Path extends string = string,
> {
  readonly method: Method;
  /** With Hono's `:name` for a parameter. */
  readonly path: Path;
  /** The operation's id, as generated clients name their functions. */
  readonly operation: string;
  readonly summary: string;
  /** What whoever asks must be allowed for something at least; for what it is about, the engine of the visitor asks. */
  readonly permission: Permission | typeof OWN_ACCOUNT;
  readonly request: Input;
  readonly response: ResponseSpec<Body>;
  /** What a client should expect beside 400, 401, 403 and 429: `unprocessable` is 422, `not_acceptable` 406, `range` 416. */
  readonly errors?: readonly ("not_found" | "conflict" | "unprocessable" | "not_acceptable" | "range")[];
  handle(input: v.InferOutput<Input>, context: RequestContext): Promise<RouteResult<Body> | Response>;
}

/**
 * An object of `params` (of the path), `query` (a strict object), `headers` (names in lower case)
 * and `body` (JSON), each where the route has it.
 */
export type RequestSchema = v.ObjectSchema<v.ObjectEntries, undefined>;

export interface ResponseSpec<Body> {
  readonly status: 200 | 201 | 202 | 204;
  readonly description: string;
  /** JSON's schema; none where there is no body, or one of another media type. */
  readonly schema?: v.GenericSchema<unknown, Body>;
  readonly mediaType?: string;
  /** What else it may be, by the request. */
  readonly otherMediaTypes?: readonly string[];
  /** Other ways in which it goes well, by the request: status → what it means. */
  readonly otherStatuses?: Readonly<Record<number, string>>;
  /** Name → what it says. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteResult<Body> {
  readonly body: Body;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of a page: the cursor of the next one, which a Link header points to. */
  readonly next?: string;
}

/** What a handler is given of whoever asks. */
export interface Visitor {
  readonly access: Access;
  /** As it may be used by whoever asks. */
  readonly engine: Engine;
  /** For who may manage people, which the route's permission says. */
  readonly people: People;
  /** For who may see the audit log, which the route's permission says. */
  readonly audit: AuditReader;
}

/** A visitor who may stay for long. */
export interface Visit extends Visitor {
  /** Whether `look` is granted to whoever asks as they are let in now, if they still are. Throws what else goes wrong. */
  readonly mayStill: (look: (visitor: Visitor) => Promise<unknown>) => Promise<boolean>;
}

export interface RequestContext extends Visit {
  readonly user: Principal;
  /** Aborts when the client has gone or the server is to stop. */
  readonly signal: AbortSignal;
  /** What was asked for. */
  readonly url: URL;
}

/** A route with its types folded away, for lists. */
export interface Route {
  readonly spec: Omit<RouteSpec<RequestSchema, unknown>, "handle">;
  respond(c: Context<AppEnv>, visit: Visit): Promise<Response>;
}

/** A route that still knows its types: a list of these types the client (see ApiSchema). */
export interface TypedRoute<Method extends HttpMethod, Path extends string, Input extends RequestSchema, Body>
  extends Route {
  readonly spec: Omit<RouteSpec<Input, Body, Method, Path>, "handle">;
}

export function route<
  const Method extends HttpMethod,
  const Path extends string,
  Input extends RequestSchema,
  Body,
>(spec: RouteSpec<Input, Body, Method, Path>): TypedRoute<Method, Path, Input, Body> {
  return {
    spec,
    async respond(c, visit) {
      const context = {
        ...visit,
        user: visit.access.principal,
        signal: signalOf(c),
        url: new URL(c.req.url),
      };
      const result = await spec.handle(await readInput(spec.request, c), context);
      if (result instanceof Response) return result;
      const init = {
        status: spec.response.status,
        headers: { ...result.headers, ...nextLink(c, result.next) },
      };
      return result.body === undefined ? new Response(null, init) : Response.json(result.body, init);
    },
  };
}

/** `Link` with the next page (RFC 8288), relative to wherever the server is reached. */
function nextLink(c: Context<AppEnv>, cursor: string | undefined): Record<string, string> {
  if (cursor === undefined) return {};
  const { pathname, searchParams } = new URL(c.req.url);
  for (const name of ["before", "after", "cursor"]) searchParams.delete(name);
  searchParams.set("cursor", cursor);
  return { link: `<${pathname}?${searchParams}>; rel="next"` };
}

async function readInput<Input extends RequestSchema>(
  schema: Input,
  c: Context<AppEnv>,
): Promise<v.InferOutput<Input>> {
  const checked = checkSchema<v.InferOutput<Input>>(schema, {
    params: c.req.param(),
    query: readQuery(c),
    headers: Object.fromEntries(c.req.raw.headers),
    ...("body" in schema.entries ? { body: await readBody(c) } : {}),
  });
  if ("output" in checked) return checked.output;
  throw new AppError("invalid", checked.faults.map(({ message }) => message).join("; "));
}

function readQuery(c: Context<AppEnv>): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, values] of Object.entries(c.req.queries())) {
    const [value, ...more] = values;
    if (more.length > 0) throw new AppError("invalid", `The query parameter ${name} is there more than once`);
    if (value !== undefined) query[name] = value;
  }
  return query;
}

/** The largest body that a compressed one may become. */
const MAX_UNPACKED_BYTES = 32 * 1_024 * 1_024;

/** Undefined where the request has no body. */
async function readBody(c: Context<AppEnv>): Promise<unknown> {
  const text = await readText(c);
  if (text === "") return undefined;
  const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type === undefined || !/^application\/(?:[a-z0-9.-]+\+)?json$/.test(type)) {
    throw new HttpError(
      415,
      "invalid",
      `The request's body is ${type ?? "of no stated type"}: send JSON with Content-Type: application/json`,
    );
  }
  const value = parseJson(text);
  // An object schema would take a list for an object.
  if (Array.isArray(value)) {
    throw new AppError("invalid", "The request's body is a list, expected an object: {…}");
  }
  return value;
}

async function readText(c: Context<AppEnv>): Promise<string> {
  const encoding = c.req.header("content-encoding");
  if (encoding === undefined) return await c.req.text();
  const body = await unpackedBody(new Uint8Array(await c.req.arrayBuffer()), encoding, MAX_UNPACKED_BYTES);
  return new TextDecoder().decode(body);
}

function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const place = findJsonPlace(text);
    const where = place === undefined ? "" : ` at line ${place.line} column ${place.column}`;
    throw new AppError("invalid", `The request's body is not JSON${where}`, { cause: error });
  }
  // Only an escape can bring one in: the text itself was decoded from UTF-8.
  if (/\\ud[89a-f]/i.test(text) && !isWellFormed(value)) {
    throw new AppError(
      "invalid",
      "A text in the request's body has half of a surrogate pair, as \\ud800: send whole characters",
    );
  }
  return value;
}

/** Whether every text and key in it is made of whole characters: no store or file could give back half of one. */
function isWellFormed(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, inner]) => key.isWellFormed() && isWellFormed(inner));
}

function signalOf(c: Context<AppEnv>): AbortSignal {
  return c.env?.signal ?? c.req.raw.signal;
}
