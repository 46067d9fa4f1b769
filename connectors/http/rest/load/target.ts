import * as v from "valibot";
import { headerValue } from "../../auth.ts";
import { headerName } from "../../config.ts";
import { params, path, responseAction, text } from "../words.ts";
import { hasRowPlace } from "./row_places.ts";

/** The own keys of a load that sends rows to an API. */

const MAX_BATCH_ROWS = 10_000;
const MAX_PARALLEL = 32;

const resultsSchema = v.pipe(
  v.strictObject({
    selector: v.optional(
      v.pipe(path, v.description("Where the list of results is, one a row; the answer itself by default.")),
    ),
    status_path: v.optional(
      v.pipe(path, v.description("In a result: its status, as of HTTP; 400 and above rejects the row.")),
    ),
    error_path: v.optional(
      v.pipe(path, v.description("In a result: what is there only where the row was rejected.")),
    ),
  }),
  v.check(
    ({ status_path, error_path }) => status_path !== undefined || error_path !== undefined,
    "expected status_path or error_path: what tells a row that was rejected",
  ),
);

const targetObject = v.strictObject({
  path: v.pipe(
    v.string(),
    v.description("Relative to base_url, as contacts or contacts/{row.id} for the row's own address."),
  ),
  method: v.optional(
    v.pipe(v.picklist(["POST", "PUT", "PATCH", "DELETE"]), v.description("POST by default.")),
    "POST",
  ),
  batch: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(MAX_BATCH_ROWS),
      v.description(
        "Rows of a request, sent as a list; without it each request sends one row, as an object.",
      ),
    ),
  ),
  parallel: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(MAX_PARALLEL),
      v.description("How many requests go on at a time, in no order; rate_limit bounds them as well."),
    ),
    1,
  ),
  params: v.optional(
    v.pipe(params, v.description("The query of each request.")),
    {},
  ),
  json: v.optional(
    v.pipe(v.record(v.string(), v.unknown()), v.description("The body around the rows; needs records_path.")),
  ),
  records_path: v.optional(
    v.pipe(path, v.description("Where in the body the rows are, as records; the body itself by default.")),
  ),
  headers: v.optional(
    v.pipe(v.record(headerName, headerValue), v.description("Headers beside those of the connector.")),
    {},
  ),
  idempotency_header: v.optional(
    v.pipe(
      headerName,
      v.description("The header with the key that is the same whenever the same rows are sent again."),
    ),
    "Idempotency-Key",
  ),
  results: v.optional(v.pipe(resultsSchema, v.description("How an answer says what became of each row."))),
  response_actions: v.optional(
    v.pipe(
      v.array(responseAction),
      v.description(
        "Answers to a single row that mean that it is there, as {status_code: 409, action: ignore}.",
      ),
    ),
    [],
  ),
});

const targetSchema = v.union(
  [v.pipe(text, v.transform((path) => v.parse(targetObject, { path }))), targetObject],
  "expected a path, or an object with path",
);

export type RestTarget = v.InferOutput<typeof targetObject>;

export const loadSchema = v.pipe(
  v.strictObject({
    endpoint: v.pipe(
      targetSchema,
      v.description("Where rows are sent, as {path: contacts, method: POST, batch: 100}."),
    ),
    options: v.optional(
      v.pipe(v.strictObject({}), v.description("Settings of the connector for this target.")),
      {},
    ),
  }),
  v.check(
    ({ endpoint: { path, params, batch } }) => batch === undefined || !hasRowPlace({ path, params }),
    "{row.…} is for one row a request: leave batch out",
  ),
  v.check(
    ({ endpoint: { json, records_path } }) => json === undefined || records_path !== undefined,
    "json is the body around the rows: say by records_path where in it they are",
  ),
  v.transform(({ endpoint }): RestTarget => endpoint),
);
