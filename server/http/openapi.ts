import { type JsonSchema, toJsonSchema, toJsonSchemaDefs } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import {
  errorRecordSchema,
  logLineSchema,
  pipelineDetailSchema,
  pipelineStepSchema,
  pipelineSummarySchema,
  runDetailSchema,
  runSchema,
  stepSchema,
} from "../../contract/run.ts";
import { HELD_BY } from "../../contract/runs/server_status.ts";
import { jsonValueSchema } from "../../contract/discovery.ts";
import { listWords } from "../../text/suggest.ts";
import { PERMISSIONS, rolesThatMay } from "../../contract/access/permissions.ts";
import { problemSchema, STATUS } from "./problem.ts";
import { SERVER_PHASES } from "./server_phase.ts";
import type { ResponseSpec, Route } from "./route.ts";

/** The schemas that have a name in the document; others stand where they are used. */
const NAMED = {
  Run: runSchema,
  RunDetail: runDetailSchema,
  Step: stepSchema,
  LogLine: logLineSchema,
  ErrorRecord: errorRecordSchema,
  PipelineSummary: pipelineSummarySchema,
  PipelineDetail: pipelineDetailSchema,
  PipelineStep: pipelineStepSchema,
  Problem: problemSchema,
  Json: jsonValueSchema,
};

const CONVERSION = {
  target: "draft-2020-12",
  // What a check or a transformation does is said in descriptions and by the 400 it leads to.
  errorMode: "ignore",
  overrideAction: ({ jsonSchema }: { jsonSchema: JsonSchema }) => portable(jsonSchema),
  overrideRef: ({ referenceId }: { referenceId: string }) => `#/components/schemas/${referenceId}`,
} as const;

/** Without a pattern of Unicode's classes: half of the languages that clients are made in cannot read it. */
function portable(schema: JsonSchema): JsonSchema | undefined {
  const { pattern, ...rest } = schema;
  return pattern?.includes("\\p{") ? rest : undefined;
}

/** The API as OpenAPI 3.1, https://spec.openapis.org/oas/v3.1.1.html. */
export function openApi(routes: readonly Route[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {
    "/healthz": { get: HEALTH },
    "/hooks/{pipeline}/{name}": { post: HOOK },
  };
  for (const route of routes) {
    const path = route.spec.path.replaceAll(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[route.spec.method] = operationOf(route);
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Sluice",
      version,
      description:
        "Errors are problem+json (RFC 9457). Times are ISO 8601 in UTC, sizes bytes, durations milliseconds.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    // Wherever the document was read from: a proxy may have put the server below another name.
    servers: [{ url: "/", description: "The server that this document comes from." }],
    security: [{ token: [] }, { session: [] }, { service: [] }],
    paths,
    components: {
      schemas: toJsonSchemaDefs(NAMED, { ...CONVERSION, typeMode: "output" }),
      securitySchemes: {
        token: { type: "http", scheme: "bearer" },
        session: { type: "apiKey", in: "cookie", name: "sluice_session" },
        service: {
          type: "oauth2",
          description: "A token for an hour, for a service by its name and one of its tokens.",
          flows: { clientCredentials: { tokenUrl: "/oauth/token", scopes: PERMISSIONS } },
        },
      },
    },
  };
}

const HEALTH_BODY = {
  type: "object",
  properties: {
    status: {
      enum: SERVER_PHASES,
      description: "Whether it is ready: ok. draining: it lets its runs end before it stops.",
    },
    version: { type: "string", description: "The version of Sluice." },
    starts_runs: {
      type: "boolean",
      description: "Whether queued runs begin; one that starts none for a while is ready all the same.",
    },
    held_by: {
      enum: [...HELD_BY, null],
      description: "What keeps runs from beginning; null where nothing does. GET /api/server says more.",
    },
  },
  required: ["status", "version", "starts_runs", "held_by"],
};

/** The one operation that wants no token. */
const HEALTH = {
  operationId: "getHealth",
  summary: "Whether the server is ready",
  description: "For anybody.",
  security: [],
  parameters: [],
  responses: {
    200: { description: "It is ready.", content: { "application/json": { schema: HEALTH_BODY } } },
    503: {
      description: "It is starting, or about to stop.",
      content: { "application/json": { schema: HEALTH_BODY } },
    },
  },
};

const UNPROCESSABLE = 422;
const ERROR_STATUS: Readonly<Record<NonNullable<Route["spec"]["errors"]>[number], number>> = {
  not_found: STATUS.not_found,
  conflict: STATUS.conflict,
  unprocessable: UNPROCESSABLE,
  not_acceptable: 406,
  range: 416,
};
const TOO_MANY_REQUESTS = 429;

const PROBLEM = {
  description: "What is wrong.",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

const HOOK_STATUSES = [400, 401, 404, 413, 415, UNPROCESSABLE, TOO_MANY_REQUESTS, 503];
const hookParameter = (name: string, description: string) => (
  { name, in: "path", required: true, description, schema: { type: "string" } }
);

/** Where others post to; who may is said by the webhook itself. */
const HOOK = {
  operationId: "postToWebhook",
  summary: "Takes a body, and starts a run of the pipeline that reads it",
  description: "For whoever knows the webhook's secret, by its signature or as a bearer token.",
  security: [],
  parameters: [
    hookParameter("pipeline", "The pipeline's name."),
    hookParameter("name", "One of its webhooks."),
  ],
  requestBody: {
    required: false,
    content: Object.fromEntries(
      [
        "application/json",
        "application/x-ndjson",
        "text/csv",
        "application/x-www-form-urlencoded",
        "application/vnd.apache.arrow.stream",
      ].map((type) => [type, { schema: {} }]),
    ),
  },
  responses: {
    202: {
      description: "It is on the disk, and will be read once.",
      content: {
        "application/json": {
          schema: {
            type: "object",
            properties: {
              delivery: { type: "integer", description: "The place of the body among all that were posted." },
              repeated: { type: "boolean", description: "It was posted before, and is not read once more." },
            },
            required: ["delivery", "repeated"],
          },
        },
      },
    },
    ...Object.fromEntries(HOOK_STATUSES.map((status) => [status, PROBLEM])),
  },
};

function operationOf({ spec }: Route): Record<string, unknown> {
  const { response } = spec;
  // What is sent: texts in a path, a query or a header come as the number that they are read as.
  const sent = schemaOf(spec.request, "input");
  const read = schemaOf(spec.request, "output");
  const body = sent.properties?.["body"];
  const statuses = [
    STATUS.invalid,
    STATUS.unauthorized,
    STATUS.forbidden,
    TOO_MANY_REQUESTS,
    ...(isPaged(read) ? [UNPROCESSABLE] : []),
    ...(spec.errors ?? []).map((error) => ERROR_STATUS[error]),
  ];
  return {
    operationId: spec.operation,
    summary: spec.summary,
    description: spec.permission === "own account"
      ? "For everybody who is let in, about themselves; not for a token that is kept to something."
      : `For the role ${listWords(rolesThatMay(spec.permission), "or")}.`,
    parameters: [
      ...parametersOf(read.properties?.["params"], "path"),
      ...parametersOf(read.properties?.["query"], "query"),
      ...parametersOf(read.properties?.["headers"], "header"),
    ],
    ...(body === undefined ? {} : {
      requestBody: {
        required: sent.required?.includes("body") ?? false,
        content: { "application/json": { schema: body } },
      },
    }),
    responses: {
      [response.status]: responseOf(
        isPaged(read) ? { ...response, headers: { ...PAGE_HEADERS, ...response.headers } } : response,
      ),
      ...Object.fromEntries(
        Object.entries(response.otherStatuses ?? {}).map((
          [status, description],
        ) => [status, { description }]),
      ),
      ...Object.fromEntries(statuses.map((status) => [status, PROBLEM])),
    },
  };
}

const PAGE_HEADERS = { Link: 'The next page, as </api/runs?cursor=…>; rel="next"; none with the last one.' };

function isPaged({ properties }: JsonSchema): boolean {
  const query = properties?.["query"];
  return typeof query === "object" && query.properties?.["cursor"] !== undefined;
}

function parametersOf(schema: JsonSchema | boolean | undefined, place: "path" | "query" | "header") {
  if (typeof schema !== "object") return [];
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const { description, ...rest } = typeof property === "object" ? property : {};
    return {
      name,
      in: place,
      required: schema.required?.includes(name) ?? false,
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function responseOf(
  { description, schema, mediaType, otherMediaTypes = [], headers }: ResponseSpec<unknown>,
) {
  const type = schema === undefined ? mediaType : "application/json";
  const content = schema !== undefined
    ? { schema: schemaOf(schema, "output") }
    // A schema of a stream would be that of each of its events.
    : type === "text/event-stream"
    ? {}
    : { schema: { type: "string" } };
  return {
    description,
    ...(type === undefined
      ? {}
      : { content: Object.fromEntries([type, ...otherMediaTypes].map((one) => [one, content])) }),
    ...(headers === undefined ? {} : {
      headers: Object.fromEntries(
        Object.entries(headers).map((
          [name, text],
        ) => [name, { description: text, schema: { type: "string" } }]),
      ),
    }),
  };
}

/** The schemas of NAMED are referred to; they stand in the document's components. */
function schemaOf(schema: GenericSchema, typeMode: "input" | "output"): JsonSchema {
  const { $schema: _schema, $defs: _defs, ...rest } = toJsonSchema(schema, {
    ...CONVERSION,
    typeMode,
    definitions: NAMED,
  });
  return rest;
}
