import * as v from "valibot";
import { freshnessSchema, lateAfterSchema, notifySchema } from "../alerts/notify.ts";
import { nameSchema, PIPELINE_NAME_PATTERN } from "../names.ts";
import { concurrencySchema } from "./concurrency.ts";
import { publishSchema } from "./publish.ts";
import { paramSchema } from "../params/definition.ts";
import { type LoadDefinition, loadSchema } from "./load.ts";
import { retrySchema, stepSettingsSchema } from "./retry.ts";
import { type StreamDefinition, streamSchema } from "./stream.ts";
import { webhookSchema } from "../triggers/webhooks.ts";
import { functionSchema } from "./functions.ts";
import { scheduleSchema } from "./schedule.ts";
import { afterSchema } from "../triggers/after.ts";
import { sensorSchema } from "../triggers/sensors.ts";
import { duration, tableName, text } from "./words.ts";

/**
 * A pipeline's definition, as pipelines/<name>.yaml and PUT /api/pipelines/:name carry it. The same
 * schemas validate, type the code and make the published JSON Schema; a description here is what an
 * editor shows.
 */

const SIZE_EXPECTED = "expected a size such as 512MB or 2GiB";

const resourcesSchema = v.strictObject({
  memory: v.optional(
    v.pipe(
      v.string(SIZE_EXPECTED),
      v.regex(/^\d+(?:\.\d+)?\s*(?:[KMGT]i?B)$/, SIZE_EXPECTED),
      v.description("DuckDB's memory_limit; beyond it DuckDB spills to disk."),
    ),
  ),
  threads: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(1024),
      v.description("DuckDB's threads, and how many steps go on side by side; the machine's by default."),
    ),
  ),
});

export const pipelineSchema = v.strictObject({
  $schema: v.optional(v.string()),
  description: v.optional(v.pipe(v.string(), v.description("One line for the page."))),
  tags: v.optional(v.pipe(v.array(text), v.description("Words to find it by.")), []),
  owner: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^@?[A-Za-z0-9_][A-Za-z0-9._@+-]{0,99}$/, "expected a user's name, or @ and a group's"),
      v.description(
        "Whose it is: a user by name, or a group with @ in front. They may do all with it without a grant.",
      ),
    ),
  ),
  schedule: v.optional(scheduleSchema),
  webhooks: v.optional(
    v.pipe(
      v.record(nameSchema("webhook"), webhookSchema),
      v.description(
        "Addresses that other systems post to, POST /hooks/<pipeline>/<name>: each body starts a run, and is rows of the streams that name the webhook.",
      ),
    ),
  ),
  after: v.optional(afterSchema),
  sensors: v.optional(
    v.pipe(
      v.array(sensorSchema),
      v.maxLength(20, "expected 20 sensors at most"),
      v.description("Files that start a run when they appear or change."),
    ),
  ),
  params: v.optional(
    v.pipe(
      v.record(nameSchema("param"), paramSchema),
      v.description(
        "Values a run may be given; getvariable('name') in SQL, ${param:name} in addresses of streams and loads.",
      ),
    ),
    {},
  ),
  extract: v.optional(
    v.pipe(
      v.record(nameSchema("stream"), streamSchema),
      v.description("What is read: each stream becomes the table raw.<name>."),
    ),
    {},
  ),
  transform: v.optional(
    v.pipe(
      v.string(),
      v.regex(PIPELINE_NAME_PATTERN, "expected the name of a folder in transforms/"),
      v.description(
        "The folder in transforms/ whose .sql files are the models; the pipeline's own name by default.",
      ),
    ),
  ),
  functions: v.optional(
    v.pipe(
      v.record(nameSchema("function"), functionSchema),
      v.description("Scripts that the models call as functions of SQL: name → script, types and limits."),
    ),
  ),
  load: v.optional(
    v.pipe(
      v.record(tableName, v.union([v.array(loadSchema), loadSchema])),
      v.description("What is written where: a model's name (or raw table's) → one target or a list of them."),
    ),
    {},
  ),
  publish: v.optional(publishSchema),
  keep_inputs: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(100, "expected 100 runs at most"),
      v.description(
        "Of how many runs that succeeded, the newest, and of the last that failed the warehouse is kept as the run left it, so that `sluice replay RUN` can repeat their transforms; none by default.",
      ),
    ),
  ),
  retry: v.optional(retrySchema),
  steps: v.optional(
    v.pipe(
      stepSettingsSchema,
      v.description("Of each of its steps, where the stream or load says nothing else."),
    ),
  ),
  timeout: v.optional(v.pipe(duration, v.description("A run that takes longer is stopped and fails."))),
  notify: v.optional(notifySchema),
  late_after: v.optional(lateAfterSchema),
  freshness: v.optional(freshnessSchema),
  overlap: v.optional(
    v.pipe(
      v.picklist(["skip", "queue", "cancel_previous"]),
      v.description(
        "A firing of the schedule while a run is going on: left out, queued behind it, or in its place.",
      ),
    ),
    "skip",
  ),
  concurrency: v.optional(concurrencySchema),
  resources: v.optional(v.pipe(resourcesSchema, v.description("Limits of each run's own DuckDB.")), {}),
});

export type PipelineDefinition = v.InferOutput<typeof pipelineSchema>;
export type ScheduleDefinition = v.InferOutput<typeof scheduleSchema>;

const { connector: _source, ...STREAM_DEFAULTS } = v.parse(streamSchema, { connector: "any" });
const { connector: _destination, ...LOAD_DEFAULTS } = v.parse(loadSchema, { connector: "any" });
const PIPELINE_DEFAULTS = v.parse(pipelineSchema, {});

/**
 * A definition as an earlier version stored it, with the defaults of the keys that there were not yet. It is
 * not checked again: what once came into force may be run and retried.
 */
export function withDefaults(stored: PipelineDefinition): PipelineDefinition {
  const stream = (definition: StreamDefinition): StreamDefinition => ({
    ...STREAM_DEFAULTS,
    ...definition,
    contract: { ...STREAM_DEFAULTS.contract, ...definition.contract },
  });
  const target = (definition: LoadDefinition): LoadDefinition => ({ ...LOAD_DEFAULTS, ...definition });
  return {
    ...PIPELINE_DEFAULTS,
    ...stored,
    extract: Object.fromEntries(Object.entries(stored.extract).map(([name, value]) => [name, stream(value)])),
    load: Object.fromEntries(
      Object.entries(stored.load).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.map(target) : target(value),
      ]),
    ),
  };
}

/** Keys that mean the same whatever the connector is. */
export const STREAM_KEYS: readonly string[] = Object.keys(streamSchema.pipe[0].entries);
export const LOAD_KEYS: readonly string[] = Object.keys(loadSchema.pipe[0].entries);

/** The keys of a stream or target that belong to its connector: its address and its `options`. */
export function ownKeys(definition: StreamDefinition | LoadDefinition): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(definition).filter(([key]) =>
      key === "options" || !(STREAM_KEYS.includes(key) || LOAD_KEYS.includes(key))
    ),
  );
}

/** The address for people: `public.orders`, `data/*.csv`; `a query` where it is SQL. */
export function addressText(definition: StreamDefinition | LoadDefinition): string {
  const { script } = ownKeys(definition);
  if (typeof script === "string") return script;
  const [key, value] = Object.entries(ownKeys(definition)).find(([, value]) => typeof value === "string") ??
    [];
  if (key !== undefined) return key === "query" ? "a query" : String(value);
  const { endpoint } = ownKeys(definition);
  const path = typeof endpoint === "object" && endpoint !== null && "path" in endpoint ? endpoint.path : "";
  return typeof path === "string" ? path : "";
}
