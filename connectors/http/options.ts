import * as v from "valibot";
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
const PLAIN: StreamOptions = v.parse(streamOptionsSchema, {});

const CSV_OPTIONS: readonly (keyof StreamOptions)[] = [
  "all_text",
  "columns",
  "comment",
  "date_format",
  "decimal_separator",
  "delimiter",
  "encoding",
  "encoding_errors",
  "escape",
  "header",
  "line_ends",
  "max_line_bytes",
  "null",
  "null_padding",
  "quote",
  "quoted_null",
  "skip_footer",
  "skip_initial_space",
  "skip_rows",
  "thousands_separator",
  "timestamp_format",
];

const optionsOf = ({ response_format: format }: Endpoint): readonly string[] =>
  format === "csv" ? CSV_OPTIONS : ["columns"];

/** The others are what they are by default. */
function hasOnly(options: StreamOptions, allowed: readonly string[]): boolean {
  const plain = new Map(Object.entries(PLAIN));
  return Object.entries(options).every(([key, value]) => allowed.includes(key) || value === plain.get(key));
}

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
    ({ endpoint, options }) => endpoint === undefined || hasOnly(options, optionsOf(endpoint)),
    "an endpoint has no other options than columns, and those of CSV where its response_format is csv",
  ),
  v.transform(({ path = "", endpoint, options }): HttpStream =>
    endpoint === undefined
      ? { kind: "file", file: { path, options } }
      : { kind: "endpoint", stream: { endpoint, options } }
  ),
);
