import type { Clock } from "../../contract/clock.ts";
import type { FollowedReport } from "../../contract/connector/followed.ts";
import { childTablesOf } from "../../contract/pipeline/child_tables.ts";
import type { StreamDefinition } from "../../contract/pipeline/stream.ts";
import type { PipelineDetail, PipelineSummary, Run } from "../../contract/run.ts";
import { findTable, type Table, type TablePreview } from "../../contract/table.ts";
import { schedulesOf } from "../../contract/pipeline/schedule.ts";
import { dependenciesOf } from "../../contract/triggers/after.ts";
import type { NamedLoad } from "../../contract/pipeline/named_loads.ts";
import { isWildcard } from "../../contract/pipeline/wildcard.ts";
import type { CommittedStream, StreamView } from "../../contract/streams/stream_view.ts";
import type { PreviewFolder } from "../runs/previews.ts";
import type { PublishedFolder } from "../runs/streams/published.ts";
import type { PipelineRecord, RevisionHead } from "../store/ports/definitions.ts";
import type { Store } from "../store/store.ts";
import { followedViews } from "./following/followed.ts";
import { pipelineRecord, revisionInForce } from "./pipeline_record.ts";
import { detailOf, summaryOf } from "./pipeline_view.ts";
import { ScheduleViews } from "./schedules/schedule_views.ts";
import { type NamedState, sensorViews } from "./triggers/sensor_views.ts";
import { streamView } from "./streams/stream_view.ts";
import { tablesOf, withStreams } from "./table_view.ts";
import { loadsSeen, streamsSeen, withSeen } from "./wildcard_streams.ts";

export interface PipelineQueriesContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly previews: PreviewFolder;
  readonly followed: PublishedFolder<FollowedReport>;
  readonly streams: PublishedFolder<CommittedStream>;
}

/** What can be asked of pipelines and their tables, from what the store holds and runs have published. */
export class PipelineQueries {
  readonly #context: PipelineQueriesContext;
  readonly #schedules = new ScheduleViews();

  constructor(context: PipelineQueriesContext) {
    this.#context = context;
  }

  async list(): Promise<PipelineSummary[]> {
    const { store } = this.#context;
    const [latest, heads] = [await store.runs.latest(), await store.revisions.headsInForce()];
    const seen = Map.groupBy(await store.sensors.states(), ({ pipeline }) => pipeline);
    return await Promise.all((await store.pipelines.list()).map(async (record) => {
      // What came into force after they were read is read by itself.
      const read = heads.get(record.name);
      const revision = record.revision === null || read?.id === record.revision
        ? read
        : await store.revisions.head(record.revision);
      return (await this.#view(record, revision, latest.get(record.name), seen.get(record.name))).summary;
    }));
  }

  /** Throws not_found. */
  async summary(name: string): Promise<PipelineSummary> {
    const { store } = this.#context;
    const record = await pipelineRecord(store, name);
    const revision = record.revision === null ? undefined : await store.revisions.head(record.revision);
    const [lastRun] = await store.runs.list({ pipeline: name, limit: 1 });
    return (await this.#view(record, revision, lastRun)).summary;
  }

  /** Throws not_found. */
  async get(name: string): Promise<PipelineDetail> {
    const { store } = this.#context;
    const record = await pipelineRecord(store, name);
    const found = record.revision === null ? undefined : await store.revisions.get(record.revision);
    const [lastRun] = await store.runs.list({ pipeline: name, limit: 1 });
    const { summary, followed } = await this.#view(record, found?.revision, lastRun);
    const source = await store.pipelines.source(name);
    const followedBy = (await store.dependencies.list())
      .flatMap(({ pipeline, after }) => dependenciesOf(after).pipelines.includes(name) ? [pipeline] : []);
    return detailOf(summary, found?.revision, found?.steps ?? [], source, {
      followed,
      followedBy,
    });
  }

  /** The streams of the definition in force, those of wildcards as runs have seen them. Throws not_found. */
  async streams(pipeline: string): Promise<Readonly<Record<string, StreamDefinition>>> {
    const { store } = this.#context;
    const { revision } = await pipelineRecord(store, pipeline);
    const found = revision === null ? undefined : await store.revisions.head(revision);
    return await streamsSeen(store, pipeline, found?.definition.extract ?? {});
  }

  /** The loads of the definition in force, those of wildcards for the streams that runs have seen. Throws not_found. */
  async loads(pipeline: string): Promise<readonly NamedLoad[]> {
    const { store } = this.#context;
    const { revision } = await pipelineRecord(store, pipeline);
    const found = revision === null ? undefined : await store.revisions.head(revision);
    return found === undefined ? [] : await loadsSeen(store, found);
  }

  /** How the last read of each stream went, and how far it is. Throws not_found. */
  async streamViews(pipeline: string): Promise<StreamView[]> {
    const streams = Object.entries(await this.streams(pipeline)).filter(([, stream]) => !isWildcard(stream));
    const names = streams.map(([name]) => name);
    const [reads, committed] = await Promise.all([
      this.#context.store.runs.lastReads(pipeline, names.map((name) => `extract:${name}`)),
      this.#context.streams.list(pipeline, names),
    ]);
    return streams.map(([name, definition]) =>
      streamView(
        name,
        definition,
        reads.find(({ step }) => step.name === `extract:${name}`),
        committed.find(({ stream }) => stream === name),
      )
    );
  }

  /** Throws not_found. */
  async tables(pipeline: string): Promise<Table[]> {
    const { store, previews } = this.#context;
    const found = await revisionInForce(store, pipeline);
    const columns = await store.pipelines.streamColumns(pipeline);
    const streams = withSeen(found?.revision.definition.extract ?? {}, Object.keys(columns));
    return await tablesOf(
      withStreams(found?.steps ?? [], Object.keys(streams)),
      columns,
      (stream) => childTablesOf(stream, streams[stream] ?? {}).map(({ table }) => table),
      (table) => previews.facts(pipeline, table),
    );
  }

  /** Throws not_found. */
  async preview(pipeline: string, name: string): Promise<TablePreview> {
    const table = findTable(await this.tables(pipeline), pipeline, name);
    const note = "No run has written it yet";
    return await this.#context.previews.get(pipeline, table.name) ?? { ...table, rows: [], note };
  }

  /** The pipeline as lists have it, and how far its streams are. */
  async #view(
    record: PipelineRecord,
    revision: RevisionHead | undefined,
    lastRun: Run | undefined,
    states?: readonly NamedState[],
  ) {
    const definitions = revision?.definition.sensors ?? [];
    const found = definitions.length === 0
      ? []
      : states ?? await this.#context.store.sensors.states(record.name);
    const nowMs = this.#context.clock.now();
    const followed = await followedViews(this.#context.followed, record.name, revision?.definition, nowMs);
    const schedules = revision === undefined
      ? []
      : this.#schedules.of(record.name, revision.id, schedulesOf(revision.definition), nowMs);
    const sensors = sensorViews(definitions, found, record.paused, nowMs);
    return { summary: summaryOf(record, revision, { lastRun, followed, schedules, sensors }), followed };
  }
}
