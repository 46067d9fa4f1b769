import * as v from "valibot";
import { NAME_PATTERN, nameSchema, PIPELINE_NAME_PATTERN } from "./names.ts";

/**
 * A pipeline's definition, as pipelines/<name>.yaml and PUT /api/pipelines/:name carry it. The same
 * schemas validate, type the code and make the published JSON Schema; a description here is what an
 * editor shows.
 */

/** Of a stream or model that is there, or not: its own place says what is wrong with its name. */
const tableName = v.pipe(
  v.string(),
  v.regex(NAME_PATTERN, "expected a letter or _, then letters, digits or _, at most 63 characters"),
);
const connectorName = v.pipe(
  v.string(),
  v.regex(PIPELINE_NAME_PATTERN, "expected the name of a connector in connectors.yaml"),
);
const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const columns = v.pipe(v.array(text), v.minLength(1, "expected at least one column"));
const options = v.record(v.string(), v.unknown());

/** `30s`, `5m`, `1h30m`, `500ms`, `1d`. */
export const DURATION_PATTERN = /^(?:\d+d)?(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?$/;

const DURATION_EXPECTED = "expected a duration such as 30s, 5m or 1h30m";
const duration = v.pipe(
  v.string(DURATION_EXPECTED),
  v.nonEmpty(DURATION_EXPECTED),
  v.regex(DURATION_PATTERN, DURATION_EXPECTED),
);

/** Milliseconds of a text that matched DURATION_PATTERN. */
export function durationMs(text: string): number {
  const unitMs: Readonly<Record<string, number>> = {
    d: 86_400_000,
    h: 3_600_000,
    m: 60_000,
    s: 1_000,
    ms: 1,
  };
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[dhms])/g)) {
    total += Number(count) * (unitMs[unit ?? ""] ?? 0);
  }
  return total;
}

const scheduleSchema = v.pipe(
  v.strictObject({
    cron: v.pipe(
      text,
      v.description(
        "Five cron fields (minute hour day month weekday), or six with seconds first, or @hourly, @daily …",
      ),
    ),
    timezone: v.optional(
      v.pipe(text, v.description("An IANA time zone such as Europe/Paris; daylight saving is handled.")),
      "UTC",
    ),
    catchup: v.optional(
      v.pipe(
        v.picklist(["none", "last"]),
        v.description("What to do at the start about firings that were missed while the server was down."),
      ),
      "none",
    ),
    jitter: v.optional(
      v.pipe(
        duration,
        v.description("Start up to this much later, always the same amount for the same pipeline."),
      ),
    ),
  }),
  v.description("When the pipeline runs by itself."),
);

const PARAM_TYPES = ["string", "integer", "number", "boolean", "date", "timestamp"] as const;
export type ParamType = (typeof PARAM_TYPES)[number];

export const paramSchema = v.strictObject({
  type: v.optional(
    v.pipe(
      v.picklist(PARAM_TYPES),
      v.description("The type in SQL: VARCHAR, BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMPTZ."),
    ),
    "string",
  ),
  default: v.optional(
    v.pipe(
      v.union([v.string(), v.number(), v.boolean(), v.null()]),
      v.description("Used where a run gives none; a param without a default is required."),
    ),
  ),
  enum: v.optional(
    v.pipe(v.array(v.union([v.string(), v.number()])), v.description("The only values allowed.")),
  ),
  description: v.optional(v.pipe(v.string(), v.description("What it is for."))),
});

const contractSchema = v.pipe(
  v.strictObject({
    columns: v.optional(
      v.pipe(
        v.picklist(["evolve", "freeze"]),
        v.description(
          "evolve: new columns are added, missing ones stay NULL. freeze: any other set of columns fails the run.",
        ),
      ),
      "evolve",
    ),
    types: v.optional(
      v.pipe(
        v.picklist(["evolve", "freeze"]),
        v.description(
          "evolve: a column takes the type that holds every value exactly, old and new; in doubt text. freeze: a changed type fails the run.",
        ),
      ),
      "evolve",
    ),
  }),
  v.description("What may change in the source's columns between runs of an incremental or append stream."),
);

const EXTRACT_MODES = ["full", "incremental", "append"] as const;

/** How the values of a column are hidden before they are stored. */
const MASKS = ["hash", "redact", "null", "last4"] as const;
export type Mask = (typeof MASKS)[number];

const partitionSchema = v.pipe(
  v.strictObject({
    column: v.pipe(text, v.description("A number, date or time that tells rows apart, as id.")),
    size: v.optional(
      v.pipe(v.number(), v.integer(), v.minValue(1), v.description("About how many rows a part has.")),
      1_000_000,
    ),
  }),
  v.description("Read in parts: several side by side, each committed by itself; only where the source can."),
);

/** What all streams have; the rest (an address, as `stream`, `query` or `path`) is their connector's. */
export const streamSchema = v.pipe(
  v.objectWithRest({
    connector: v.pipe(
      connectorName,
      v.description("The connector to read from, by its name in connectors.yaml."),
    ),
    mode: v.optional(
      v.pipe(
        v.picklist(EXTRACT_MODES),
        v.description(
          "full: the table is replaced. incremental: rows new since the last run are merged by primary_key. append: rows are added.",
        ),
      ),
      "full",
    ),
    primary_key: v.optional(v.pipe(columns, v.description("The columns that identify a row."))),
    update_key: v.optional(
      v.pipe(
        text,
        v.description(
          "A column that only grows when a row changes, as updated_at; the cursor is its greatest value.",
        ),
      ),
    ),
    lag: v.optional(
      v.pipe(
        v.union([duration, v.pipe(v.number(), v.gtValue(0))], "expected a duration such as 1h, or a number"),
        v.description(
          "How far before the cursor each read begins again, for rows that are committed late: a duration such as 1h where update_key is a date or time, a number where it is one.",
        ),
      ),
    ),
    contract: v.optional(contractSchema, {}),
    columns: v.optional(v.pipe(columns, v.description("The columns to read, and no others."))),
    exclude: v.optional(v.pipe(columns, v.description("Columns that are not read."))),
    where: v.optional(
      v.pipe(
        text,
        v.description("Which rows to read: a condition in the source's own SQL, in DuckDB's for files."),
      ),
    ),
    mask: v.optional(
      v.pipe(
        v.record(text, v.picklist(MASKS)),
        v.description(
          "Columns whose values are hidden before they are stored: hash (HMAC-SHA-256 with the connector's mask_salt), redact, null, last4.",
        ),
      ),
      {},
    ),
    partition: v.optional(partitionSchema),
    max_rejects: v.optional(
      v.pipe(
        v.number(),
        v.integer(),
        v.minValue(0),
        v.description(
          "How many rows that do not fit are kept aside, in _sluice.rejects, before the step fails; sqlite can single them out.",
        ),
      ),
      0,
    ),
    options: v.optional(v.pipe(options, v.description("Settings of the connector for this stream.")), {}),
    description: v.optional(v.pipe(v.string(), v.description("What it holds, for the page."))),
    tags: v.optional(v.pipe(v.array(text), v.description("Words to select it by, as tag:daily.")), []),
  }, v.unknown()),
  v.check(
    (s) => s.mode !== "incremental" || (s.primary_key !== undefined && s.update_key !== undefined),
    "mode incremental needs primary_key and update_key (use append for a stream without a key)",
  ),
  v.check(
    (s) => s.lag === undefined || (s.update_key !== undefined && s.mode !== "full"),
    "lag needs an update_key, and a mode that keeps rows (incremental or append)",
  ),
  v.check(
    (s) => s.columns === undefined || s.exclude === undefined,
    "columns and exclude cannot stand together: one of them says it all",
  ),
);

const LOAD_MODES = ["replace", "append", "merge"] as const;

/** What all load targets have; the rest (an address, as `table` or `path`) is their connector's. */
export const loadSchema = v.pipe(
  v.objectWithRest({
    connector: v.pipe(
      connectorName,
      v.description("The connector to write to, by its name in connectors.yaml."),
    ),
    mode: v.optional(
      v.pipe(
        v.picklist(LOAD_MODES),
        v.description(
          "replace: the target holds just these rows. append: they are added. merge: updated or added by primary_key.",
        ),
      ),
      "replace",
    ),
    primary_key: v.optional(
      v.pipe(columns, v.description("The columns that identify a row; needed by merge.")),
    ),
    options: v.optional(v.pipe(options, v.description("Settings of the connector for this target.")), {}),
  }, v.unknown()),
  v.check((l) => l.mode !== "merge" || l.primary_key !== undefined, "mode merge needs primary_key"),
);

const retrySchema = v.pipe(
  v.strictObject({
    limit: v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(100),
      v.description("How many more attempts a failed run gets."),
    ),
    interval: v.optional(v.pipe(duration, v.description("The wait before the first of them.")), "10s"),
    backoff: v.optional(
      v.pipe(
        v.picklist(["constant", "exponential"]),
        v.description("Whether each wait is as long as the first, or twice as long as the one before."),
      ),
      "exponential",
    ),
    max_interval: v.optional(v.pipe(duration, v.description("The longest wait.")), "5m"),
  }),
  v.description("Attempts after a failure that may pass by itself; a wrong definition is not tried again."),
);

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
  schedule: v.optional(scheduleSchema),
  params: v.optional(
    v.pipe(
      v.record(nameSchema("param"), paramSchema),
      v.description("Values a run may be given; getvariable('name') in SQL."),
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
  load: v.optional(
    v.pipe(
      v.record(tableName, v.union([v.array(loadSchema), loadSchema])),
      v.description("What is written where: a model's name (or raw table's) → one target or a list of them."),
    ),
    {},
  ),
  retry: v.optional(retrySchema),
  timeout: v.optional(v.pipe(duration, v.description("A run that takes longer is stopped and fails."))),
  overlap: v.optional(
    v.pipe(
      v.picklist(["skip", "queue"]),
      v.description("A firing of the schedule while a run is going on: left out, or queued behind it."),
    ),
    "skip",
  ),
  resources: v.optional(v.pipe(resourcesSchema, v.description("Limits of each run's own DuckDB.")), {}),
});

export type PipelineDefinition = v.InferOutput<typeof pipelineSchema>;
export type ScheduleDefinition = v.InferOutput<typeof scheduleSchema>;
export type StreamDefinition = v.InferOutput<typeof streamSchema>;
export type LoadDefinition = v.InferOutput<typeof loadSchema>;
export type ParamDefinition = v.InferOutput<typeof paramSchema>;
export type RetryDefinition = v.InferOutput<typeof retrySchema>;

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
  const [key, value] = Object.entries(ownKeys(definition)).find(([, value]) => typeof value === "string") ??
    [];
  return key === undefined ? "" : key === "query" ? "a query" : String(value);
}

/** One target or several, as a list. */
export function loadTargets(load: LoadDefinition | readonly LoadDefinition[]): readonly LoadDefinition[] {
  return isList(load) ? load : [load];
}

const isList = <T>(value: T | readonly T[]): value is readonly T[] => Array.isArray(value);

/** The most connections at a time to one system, where connectors.yaml says nothing. */
const DEFAULT_MAX_CONNECTIONS = 4;

/** What every entry of connectors.yaml may have beside its `type` and the keys of its type. */
export const commonConnectorSchema = v.object({
  max_connections: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(100),
      v.description("The most connections to this system at a time from one run; 4 by default."),
    ),
    DEFAULT_MAX_CONNECTIONS,
  ),
  mask_salt: v.optional(
    v.pipe(
      text,
      v.description("The key of masks by hash, as ${secret:MASK_SALT}; the same key gives the same hashes."),
    ),
  ),
});
export type CommonConnectorKeys = v.InferOutput<typeof commonConnectorSchema>;

/** An entry's keys, those of its type apart from those that all have. */
export function splitConnectorKeys(
  entry: Readonly<Record<string, unknown>>,
): { common: Record<string, unknown>; own: Record<string, unknown> } {
  const isCommon = (key: string) => Object.hasOwn(commonConnectorSchema.entries, key);
  const keys = Object.entries(entry);
  return {
    common: Object.fromEntries(keys.filter(([key]) => isCommon(key))),
    own: Object.fromEntries(keys.filter(([key]) => !isCommon(key))),
  };
}

/** An entry of connectors.yaml: its `type`, and what that type's own schema says. */
export interface ConnectorDefinition {
  readonly type: string;
  readonly [key: string]: unknown;
}

/**
 * An immutable copy of what a pipeline is: its definition and every file that it names. `id` is the
 * hash of the rest but `gitCommit`. Paths are relative to the project, with `/`.
 */
export interface Revision {
  /** 64 hex digits of SHA-256. */
  readonly id: string;
  readonly pipeline: string;
  readonly definition: PipelineDefinition;
  /** The models, in order of their paths. */
  readonly files: readonly RevisionFile[];
  /** The entries of connectors.yaml that it names, before references are resolved. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  /** 40 or 64 hex digits, and `+dirty` where the work tree differs; absent where git could not compare. */
  readonly gitCommit?: string;
}

export interface RevisionFile {
  readonly path: string;
  readonly content: string;
}

/** A pipeline as PUT /api/pipelines/:name carries it. */
export interface PipelineSource {
  /** The definition: YAML or JSON text, or its value. */
  readonly definition: string | Record<string, unknown>;
  /** Model files: name (`daily.sql`) → SQL. */
  readonly models: Readonly<Record<string, string>>;
}
