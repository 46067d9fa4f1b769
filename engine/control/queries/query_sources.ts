import { AppError } from "../../../contract/errors.ts";
import type { QueriedDatabase } from "../../../contract/jobs/query_job.ts";
import { quoteName } from "../../../contract/names.ts";
import { publishedModels } from "../../../contract/pipeline/publish.ts";
import type { QuerySource } from "../../../contract/queries/query.ts";
import type { QueriedDatabases } from "../../runs/queries/query_processes.ts";
import type { KeptCopies } from "../../runs/warehouses/kept_copies.ts";
import {
  findSnapshot,
  modelSnapshots,
  pipelineSnapshots,
  snapshotFile,
} from "../../snapshots/snapshot_files.ts";
import type { Store } from "../../store/store.ts";
import { pipelineRecord, revisionInForce } from "../pipeline_record.ts";

export interface QuerySourcesContext {
  readonly store: Store;
  readonly dataDir: string;
  readonly copies: KeptCopies;
}

export interface WantedSources {
  readonly sql: string;
  /** Whose tables are meant where a name says no more. */
  readonly pipeline: string | undefined;
  /** Whether rows of a pipeline may be looked at. */
  readonly mayRead: (pipeline: string) => boolean;
}

export interface QuerySources extends QueriedDatabases {
  readonly sources: readonly QuerySource[];
}

/**
 * What a query reads: the pipeline that it is about, and others that its text names. Of each a copy of its warehouse; where a run
 * is under way and no copy is kept from before it, what it has published. Throws not_found for a pipeline that there is not,
 * invalid where it has no tables yet, and unavailable where nothing of it can be read while it runs.
 */
export async function openSources(
  { store, dataDir, copies }: QuerySourcesContext,
  { sql, pipeline, mayRead }: WantedSources,
  signal: AbortSignal,
): Promise<QuerySources> {
  if (pipeline !== undefined) await pipelineRecord(store, pipeline);
  const known = (await store.pipelines.list()).map(({ name }) => name).filter(mayRead);
  const names = known.filter((name) => name === pipeline || isNamed(sql, name)).sort();
  await using stack = new AsyncDisposableStack();
  const databases: QueriedDatabase[] = [];
  const sources: QuerySource[] = [];
  const folders = new Set<string>();
  for (const name of names) {
    try {
      const copy = await copies.take(name, { purpose: `read the tables of ${name}`, waitMs: 0 }, signal);
      if (copy === undefined) {
        if (name === pipeline) throw nothingYet(name);
        continue;
      }
      stack.use(copy);
      databases.push({
        pipeline: name,
        path: copy.path,
        ...(copy.key === undefined ? {} : { key: copy.key }),
      });
      sources.push({ pipeline: name, of: "warehouse", as_of: new Date(copy.asOfMs).toISOString() });
      folders.add(copy.folder);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "unavailable") throw error;
      const published = await snapshotsOf(store, dataDir, name);
      if (published.snapshots.length === 0) {
        if (name !== pipeline && !isQualifier(sql, name)) continue;
        throw busy(name);
      }
      databases.push({ pipeline: name, snapshots: published.snapshots });
      sources.push({ pipeline: name, of: "snapshots", as_of: published.asOf });
      folders.add(pipelineSnapshots(dataDir, name));
    }
  }
  const held = stack.move();
  return {
    databases,
    sources,
    pipeline: pipeline ?? null,
    folders: [...folders],
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

const nothingYet = (pipeline: string): AppError =>
  new AppError(
    "invalid",
    `The pipeline ${quoteName(pipeline)} has no tables yet: run it first, with sluice run ${pipeline}`,
  );

const busy = (pipeline: string): AppError =>
  new AppError(
    "unavailable",
    `A run of ${
      quoteName(pipeline)
    } is under way, no copy of its tables is kept from before it, and it publishes no models ` +
      "that could be read meanwhile: ask again when it has ended",
  );

/** In any place: what is read too much is not looked at. */
const isNamed = (sql: string, pipeline: string): boolean =>
  new RegExp(String.raw`(?<![\p{L}\p{N}_])${RegExp.escape(pipeline)}(?![\p{L}\p{N}_])`, "iu").test(sql);

const isQualifier = (sql: string, pipeline: string): boolean =>
  new RegExp(String.raw`(?<![\p{L}\p{N}_])${RegExp.escape(pipeline)}"?\s*\.`, "iu").test(sql);

/** What can be read without a key. */
async function snapshotsOf(store: Store, dataDir: string, pipeline: string) {
  const found = await revisionInForce(store, pipeline);
  const snapshots: { model: string; path: string }[] = [];
  let asOf: string | null = null;
  for (const { model } of publishedModels(found?.revision.definition.publish)) {
    const folder = modelSnapshots(pipelineSnapshots(dataDir, pipeline), model);
    const snapshot = await findSnapshot(folder);
    if (snapshot === undefined || snapshot.encrypted) continue;
    snapshots.push({ model, path: snapshotFile(folder, snapshot.id) });
    if (asOf === null || snapshot.published_at < asOf) asOf = snapshot.published_at;
  }
  return { snapshots, asOf };
}
