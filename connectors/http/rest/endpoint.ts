import * as v from "valibot";
import { RESPONSE_FORMATS } from "./page/format.ts";
import { isSelector } from "./page/selector.ts";
import { paginatorSchema } from "./paginators/options.ts";
import { params, path, responseAction, scalar, text } from "./words.ts";

/** The own keys of a stream that an API gives page by page, in the words of dlt's REST source. */

const selector = v.pipe(
  text,
  v.check(
    isSelector,
    "expected a way down through keys, as data.items, or an expression of JMESPath, as data[?active]",
  ),
);

export const CURSOR_FORMATS = ["text", "date", "datetime", "unix", "unix_ms"] as const;

const incrementalSchema = v.strictObject({
  start_param: v.optional(
    v.pipe(text, v.description("The parameter that asks for what changed since, as updated_since.")),
  ),
  end_param: v.optional(v.pipe(text, v.description("The parameter that ends a range which is read again."))),
  initial_value: v.optional(
    v.pipe(
      v.union([v.string(), v.number(), v.boolean()]),
      v.description("What the first run, which has no cursor, sends as start_param."),
    ),
  ),
  format: v.optional(
    v.pipe(
      v.picklist(CURSOR_FORMATS),
      v.description(
        "How times are written: datetime as 2024-01-31T12:00:00Z, date, unix in seconds, unix_ms, or text as the API wrote it.",
      ),
    ),
    "datetime",
  ),
});

const pageAction = v.strictObject({
  value_path: v.pipe(path, v.description("Where a page of JSON has the value.")),
  value: v.pipe(v.nullable(scalar), v.description("What it is then, as false.")),
  action: v.pipe(
    v.picklist(["ignore", "fail"]),
    v.description(
      "What the page means: fail ends the read with the server's own words, ignore reads on to no more.",
    ),
  ),
});

const endpointObject = v.strictObject({
  path: v.pipe(
    v.string(),
    v.description(
      "Relative to base_url, as orders or users/{resources.users.id}/posts for each row of the stream users.",
    ),
  ),
  method: v.optional(
    v.pipe(v.picklist(["GET", "POST"]), v.description("GET by default, POST where json is given.")),
  ),
  params: v.optional(
    v.pipe(
      params,
      v.description("The query of the first request; a list is sent as the same name several times."),
    ),
    {},
  ),
  json: v.optional(v.pipe(v.record(v.string(), v.unknown()), v.description("The body of the request."))),
  headers: v.optional(
    v.pipe(v.record(text, v.string()), v.description("Headers beside those of the connector.")),
    {},
  ),
  data_selector: v.optional(
    v.pipe(
      selector,
      v.description(
        "Where the records of a page are, as data.items, or in JMESPath data[?active].item; by default the page itself where it is a list, or its only list.",
      ),
    ),
  ),
  response_format: v.optional(
    v.pipe(
      v.picklist(RESPONSE_FORMATS),
      v.description(
        "What pages are written in; auto goes by their content type. Each may be compressed by gzip or zstd.",
      ),
    ),
    "auto",
  ),
  list_names: v.optional(
    v.pipe(
      v.union([v.literal("first"), v.pipe(v.array(text), v.minLength(1))]),
      v.description(
        "Names of the values of records that are lists: in their order, or first where the first record has them, as of a sheet.",
      ),
    ),
  ),
  flatten: v.optional(
    v.pipe(v.boolean(), v.description("Whether nested objects are columns of their own, as address__city.")),
    false,
  ),
  paginator: v.optional(
    v.pipe(paginatorSchema, v.description("How the next page is asked for; auto by default.")),
  ),
  incremental: v.optional(
    v.pipe(incrementalSchema, v.description("How the stream's update_key is asked for.")),
  ),
  include_from_parent: v.optional(
    v.pipe(
      v.array(text),
      v.description(
        "Of a child: columns of the parent's row that its records get, as _users_id for id of users.",
      ),
    ),
    [],
  ),
  response_actions: v.optional(
    v.pipe(
      v.array(v.union([responseAction, pageAction])),
      v.description(
        "Answers that mean that there are no records, as {status_code: 404, action: ignore}, or a failure, as {value_path: ok, value: false, action: fail}.",
      ),
    ),
    [],
  ),
});

export const endpointSchema = v.union(
  [v.pipe(text, v.transform((path) => v.parse(endpointObject, { path }))), endpointObject],
  "expected a path, or an object with path",
);

export type Endpoint = v.InferOutput<typeof endpointObject>;
export type CursorFormat = (typeof CURSOR_FORMATS)[number];
