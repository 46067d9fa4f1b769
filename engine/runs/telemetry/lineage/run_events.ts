import type { DatasetName } from "../../../../contract/connector/connector.ts";
import type { PipelineLineage } from "../../../../contract/lineage/lineage.ts";
import type { ErrorRecord } from "../../../../contract/errors.ts";
import type { ReadableRevision } from "../../../../contract/revision.ts";
import type { Run, RunState, Step } from "../../../../contract/run.ts";
import { isTerminal } from "../../../../contract/run_state.ts";
import type { AttemptStory, RunStory } from "../run_story.ts";
import { stepAddress } from "../step_address.ts";
import type { DatasetNames } from "./dataset_names.ts";
import {
  EVENT_SCHEMA,
  facetMaker,
  type Facets,
  type LineageDataset,
  type LineageEventType,
  type MakeFacet,
  type RunEvent,
} from "./run_event.ts";
import { datasetFacets, type TableColumns } from "./schema_facets.ts";
import { modelColumnFacets } from "./model_columns.ts";
import { runUuid, stepUuid } from "./run_uuid.ts";

export interface EventContext {
  /** Of jobs. */
  readonly namespace: string;
  readonly version: string;
  readonly names: DatasetNames;
  /** The columns of the pipeline's raw tables and models, as they were last written. */
  readonly columns: (pipeline: string) => Promise<TableColumns>;
}

/** What is known of the pipeline's tables. */
interface WarehouseFacts {
  readonly tables: TableColumns;
  readonly lineage: PipelineLineage | undefined;
}

type RunRevision = Pick<ReadableRevision, "id" | "definition" | "connectors" | "pipeline"> | undefined;

const producerOf = (version: string): string => `urn:sluice:${version}`;

/** The run has begun, of which these are the newest words. */
export function beginOf(run: Run, revision: RunRevision, context: EventContext): RunEvent {
  return runEvent("START", run.started_at ?? run.created_at, run, revision, context);
}

/**
 * All that an ended run has done: its steps, each from begin to end, and then the end of itself. `lineage` is that of its
 * revision.
 */
export async function eventsOf(
  story: RunStory,
  lineage: PipelineLineage | undefined,
  context: EventContext,
): Promise<RunEvent[]> {
  const { run, revision, attempts } = story;
  const columns = await context.columns(run.pipeline);
  const events: RunEvent[] = [];
  for (const attempt of attempts) {
    for (const step of attempt.steps) {
      events.push(...await stepEvents(story, attempt, step, { ...context, tables: columns, lineage }));
    }
  }
  const ended = run.finished_at ?? run.created_at;
  return [...events, runEvent(endOf(run.state), ended, run, revision, context)];
}

const endOf = (state: RunState): LineageEventType =>
  state === "succeeded" ? "COMPLETE" : state === "failed" ? "FAIL" : "ABORT";

function runEvent(
  eventType: LineageEventType,
  eventTime: string,
  run: Run,
  revision: RunRevision,
  { namespace, version }: EventContext,
): RunEvent {
  const producer = producerOf(version);
  const facet = facetMaker(producer);
  const { description } = revision?.definition ?? {};
  return {
    eventType,
    eventTime,
    run: {
      runId: runUuid(run),
      facets: {
        ...runFacets(run, facet, version),
        ...(isTerminal(run.state) ? errorFacet(facet, run.error) : {}),
      },
    },
    job: {
      namespace,
      name: run.pipeline,
      facets: {
        ...facet("jobType", jobType("PIPELINE")),
        ...facet("documentation", description === undefined ? undefined : { description }),
      },
    },
    inputs: [],
    outputs: [],
    producer,
    schemaURL: EVENT_SCHEMA,
  };
}

function runFacets(run: Run, facet: MakeFacet, version: string): Facets {
  const window = { nominalStartTime: run.window_start, nominalEndTime: run.window_end };
  const own = { "sluice.run": run.id, "sluice.trigger": run.trigger, "sluice.revision": run.revision };
  return {
    ...facet("nominalTime", window.nominalStartTime === null ? undefined : window),
    ...facet("processing_engine", { version, name: "Sluice" }),
    ...facet("tags", {
      tags: [
        ...Object.entries(own).map(([key, value]) => ({ key, value, source: "INTEGRATION" })),
        ...(run.tags ?? []).map((key) => ({ key, value: "true", source: "USER" })),
      ],
    }),
  };
}

/** Begin and end of a step; none of one that did not begin, and of a check. */
async function stepEvents(
  { run, revision }: RunStory,
  attempt: AttemptStory,
  step: Step,
  context: EventContext & WarehouseFacts,
): Promise<RunEvent[]> {
  if (step.started_at === null || step.kind === "check") return [];
  const { namespace, version } = context;
  const producer = producerOf(version);
  const facet = facetMaker(producer);
  const parent = { run: { runId: runUuid(run) }, job: { namespace, name: run.pipeline } };
  const runId = stepUuid(run, attempt.attempt, step.name, step.started_at);
  const facets = { ...facet("parent", { ...parent, root: parent }), ...runFacets(run, facet, version) };
  const sql = step.kind === "load" || step.sql === null ? undefined : { query: step.sql, ...dialectOf(step) };
  const common = {
    job: {
      namespace,
      name: `${run.pipeline}.${step.name}`,
      facets: { ...facet("jobType", jobType(step.kind.toUpperCase())), ...facet("sql", sql) },
    },
    ...await datasetsOf(run, revision, step, facet, context),
    producer,
    schemaURL: EVENT_SCHEMA,
  };
  const end = stepEnd(step);
  return [
    { eventType: "START", eventTime: step.started_at, run: { runId, facets }, ...common },
    {
      eventType: end,
      eventTime: step.finished_at ?? attempt.finished_at ?? run.finished_at ?? step.started_at,
      run: { runId, facets: { ...facets, ...errorFacet(facet, end === "FAIL" ? step.error : null) } },
      ...common,
    },
  ];
}

/** A query of a stream is in the words of its own system. */
const dialectOf = ({ kind }: Step) => kind === "model" ? { dialect: "duckdb" } : {};

/** A step without an end was cut off. */
function stepEnd({ state }: Step): LineageEventType {
  if (state === "succeeded" || state === "warned") return "COMPLETE";
  return state === "failed" ? "FAIL" : "ABORT";
}

interface Datasets {
  readonly inputs: readonly LineageDataset[];
  readonly outputs: readonly LineageDataset[];
}

/** What the step read and wrote. */
async function datasetsOf(
  run: Run,
  revision: RunRevision,
  step: Step,
  facet: MakeFacet,
  { names, tables, lineage }: Pick<EventContext, "names"> & WarehouseFacts,
): Promise<Datasets> {
  const label = step.name.slice(step.name.indexOf(":") + 1);
  const local = (table: string): DatasetName => names.inWarehouse(run.pipeline, table);
  const read = step.depends.flatMap((name) => warehouseTable(name) ?? []);
  const made = facet("outputStatistics", statisticsOf(step));
  const withSchema = (table: string): LineageDataset => ({
    ...local(table),
    facets: datasetFacets(facet, tables.get(table), undefined),
  });
  if (step.kind === "model") {
    const table = `main.${label}`;
    const own = lineage?.tables.find(({ id }) => id === table);
    const { facets, ...named } = withSchema(table);
    const output = {
      ...named,
      facets: { ...facets, ...modelColumnFacets(facet, own, local) },
      outputFacets: made,
    };
    return { inputs: read.map(withSchema), outputs: [output] };
  }
  const address = revision && stepAddress(revision, step);
  const outside = address && revision ? await names.of(revision, address) : undefined;
  if (step.kind === "extract") {
    const table = `raw.${label}`;
    const stream = address?.part.kind === "stream" ? address.part.stream : undefined;
    const source = outside && { dataset: outside, renamed: stream?.rename ?? {}, masked: stream?.mask ?? {} };
    return {
      inputs: outside === undefined ? read.map(withSchema) : [
        { ...outside, inputFacets: facet("inputStatistics", statisticsOf(step)) },
        ...read.map(withSchema),
      ],
      outputs: [{
        ...local(table),
        facets: datasetFacets(facet, tables.get(table), source),
        outputFacets: made,
      }],
    };
  }
  const [table = ""] = read;
  const source = table === "" ? undefined : { dataset: local(table), renamed: {}, masked: {} };
  return {
    inputs: table === "" ? [] : [withSchema(table)],
    outputs: outside === undefined
      ? []
      : [{ ...outside, facets: datasetFacets(facet, tables.get(table), source), outputFacets: made }],
  };
}

/** The table that a step wrote; undefined for one that writes none here. */
function warehouseTable(step: string): string | undefined {
  if (step.startsWith("extract:")) return `raw.${step.slice("extract:".length)}`;
  return step.startsWith("model:") ? `main.${step.slice("model:".length)}` : undefined;
}

function statisticsOf({ rows, size_bytes: size }: Step): Readonly<Record<string, number>> | undefined {
  if (rows === null && size === null) return undefined;
  return { ...(rows === null ? {} : { rowCount: rows }), ...(size === null ? {} : { size }) };
}

const jobType = (type: string) => ({ processingType: "BATCH", integration: "SLUICE", jobType: type });

/** By its code alone: a message may have a value of a row in it. */
function errorFacet(facet: MakeFacet, error: ErrorRecord | null): Facets {
  if (error === null) return {};
  const { code, reason } = error;
  const message = reason === undefined ? code : `${code} (${reason})`;
  return facet("errorMessage", { message, programmingLanguage: "TYPESCRIPT" });
}
