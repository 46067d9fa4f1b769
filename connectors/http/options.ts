import * as v from "valibot";
import { CSV_OPTIONS, hasOnlyOptions } from "../files/csv/csv_options.ts";
import { type FileStream, type StreamOptions, streamOptionsSchema } from "../files/options.ts";
import { type Endpoint, endpointSchema } from "./rest/endpoint.ts";

/** An API's records, or a file of a web server. */
export type HttpStream =
  | { readonly kind: "file"; readonly file: FileStream }
  | { readonly kind: "endpoint"; readonly stream: EndpointStream };

export interface EndpointStream {
  readonly endpoint: Endpoint;
  /** Types of the user's for columns; how CSV is written as well. */
  readonly options: StreamOptions;
}

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const optionsOf = ({ response_format: format }: Endpoint): readonly string[] =>
  format === "csv" ? CSV_OPTIONS : ["columns"];

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
    ({ endpoint, options }) => endpoint === undefined || hasOnlyOptions(options, optionsOf(endpoint)),
    "an endpoint has no other options than columns, and those of CSV where its response_format is csv",
  ),
  v.transform(({ path = "", endpoint, options }): HttpStream =>
    endpoint === undefined
      ? { kind: "file", file: { path, options } }
      : { kind: "endpoint", stream: { endpoint, options } }
  ),
);
