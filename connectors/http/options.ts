import * as v from "valibot";
import { type FileStream, type StreamOptions, streamOptionsSchema } from "../files/options.ts";
import { type Endpoint, endpointSchema } from "./rest/endpoint.ts";

/** An API's records, or a file of a web server. */
export type HttpStream =
  | { readonly kind: "file"; readonly file: FileStream }
  | { readonly kind: "endpoint"; readonly stream: EndpointStream };

export interface EndpointStream {
  readonly endpoint: Endpoint;
  /** Types of the user's for columns, by name. */
  readonly columns: StreamOptions["columns"];
}

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const PLAIN: StreamOptions = v.parse(streamOptionsSchema, {});

export const streamSchema = v.pipe(
  v.strictObject({
    path: v.optional(v.pipe(text, v.description("A file, relative to base_url, as exports/orders.csv."))),
    endpoint: v.optional(
      v.pipe(
        endpointSchema,
        v.description("A resource of an API, as orders or {path: orders, params: {per_page: 100}}."),
      ),
    ),
    options: v.optional(
      v.pipe(streamOptionsSchema, v.description("Settings of the connector for this stream.")),
      {},
    ),
  }),
  v.check(
    ({ path, endpoint }) => (path === undefined) !== (endpoint === undefined),
    "expected exactly one of path and endpoint",
  ),
  v.check(
    ({ endpoint }) => endpoint?.method !== "GET" || endpoint.json === undefined,
    "a GET has no body: leave out the endpoint's json, or set its method to POST",
  ),
  v.check(
    ({ endpoint, options: { columns: _, ...options } }) =>
      endpoint === undefined ||
      Object.entries(options).every(([key, value]) => value === new Map(Object.entries(PLAIN)).get(key)),
    "an endpoint has no other options than columns",
  ),
  v.transform(({ path = "", endpoint, options }): HttpStream =>
    endpoint === undefined
      ? { kind: "file", file: { path, options } }
      : { kind: "endpoint", stream: { endpoint, columns: options.columns } }
  ),
);
