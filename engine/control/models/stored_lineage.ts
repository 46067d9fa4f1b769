import { lineageAcross, type ReadPublication } from "../../../contract/lineage/across.ts";
import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import { isWildcard } from "../../../contract/pipeline/wildcard.ts";
import { parsePublishedName } from "../../../contract/snapshots/source.ts";
import type { Column } from "../../../contract/sql.ts";
import type { CheckContext } from "../../definitions/check/check_context.ts";
import { compileSides } from "../../definitions/plan/compile_sides.ts";
import { sideOfRevision } from "../../definitions/plan/plan_side.ts";
import type { Store } from "../../store/store.ts";
import { pipelineRecord } from "../pipeline_record.ts";

export interface LineageContext {
  readonly store: Store;
  readonly checkContext: () => CheckContext;
  /** Ends with the engine. */
  readonly signal: AbortSignal;
}

type Columns = Readonly<Record<string, readonly Column[]>>;

/** In one chain of pipelines. */
const MOST_PIPELINES = 50;

/**
 * The same through other pipelines, as far as they may be looked at: those whose published models this one's streams read, and those
 * that read its own, one behind the other. The function throws not_found.
 */
export function createLineages(
  context: LineageContext,
): (pipeline: string, mayView?: (pipeline: string) => boolean) => Promise<PipelineLineage> {
  const lineageOf = ownLineages(context);
  return async (pipeline, mayView = () => true) => {
    const own = await lineageOf(pipeline);
    const reads = await context.store.pipelines.publicationsRead();
    if (reads.length === 0) return own;
    const others = new Map<string, PipelineLineage>();
    const namesBeside = (name: string): string[] => [
      ...reads.filter((read) => read.pipeline === name).map(publisherOf),
      ...reads.filter((read) => publisherOf(read) === name).map((read) => read.pipeline),
    ];
    for (let open = [pipeline]; open.length > 0 && others.size < MOST_PIPELINES;) {
      const next = new Set(open.flatMap(namesBeside));
      open = [...next].filter((name) => name !== pipeline && !others.has(name) && mayView(name));
      for (const name of open) {
        // One that is gone meanwhile, or was never there.
        const lineage = await lineageOf(name).catch(() => undefined);
        if (lineage !== undefined) others.set(name, lineage);
      }
    }
    return lineageAcross(pipeline, own, others, reads);
  };
}

const publisherOf = ({ address }: ReadPublication): string => parsePublishedName(address)?.pipeline ?? "";

/**
 * Gives where the columns of a pipeline's tables come from, by the revision in force: no tables where none is. It is found
 * when the revision is checked, and anew when a run has met other columns. The function throws not_found.
 */
function ownLineages(context: LineageContext): (pipeline: string) => Promise<PipelineLineage> {
  const { store } = context;
  /** By revision: several that ask wait for one. */
  const underWay = new Map<string, Promise<PipelineLineage | undefined>>();
  return async (pipeline) => {
    const { revision } = await pipelineRecord(store, pipeline);
    const known = revision === null ? undefined : await store.revisions.lineage(revision);
    if (revision === null || known === undefined) return known ?? { tables: [] };
    const columns = await store.pipelines.streamColumns(pipeline);
    if (!isOld(known, columns)) return known;
    const running = underWay.get(revision) ?? findAnew(context, revision, columns);
    underWay.set(revision, running);
    try {
      return await running ?? known;
    } finally {
      underWay.delete(revision);
    }
  };
}

/** Whether streams have other columns now. */
function isOld({ tables }: PipelineLineage, columns: Columns): boolean {
  return tables.some(({ kind, name, columns: then }) => {
    const now = kind === "stream" && Object.hasOwn(columns, name) ? columns[name] : undefined;
    return now !== undefined && (now.length !== then.length ||
      now.some((column, index) => column.name !== then[index]?.name || column.type !== then[index]?.type));
  });
}

/** Undefined where it cannot be found: what is kept is as good as it gets. */
async function findAnew(
  { store, checkContext, signal }: LineageContext,
  revision: string,
  columns: Columns,
): Promise<PipelineLineage | undefined> {
  const kept = await store.revisions.get(revision);
  // What a wildcard stands for is its source's to say.
  if (kept === undefined || Object.values(kept.revision.definition.extract).some(isWildcard)) {
    return undefined;
  }
  const side = sideOfRevision(kept.revision, undefined, undefined);
  const name = kept.revision.pipeline;
  const reports = await compileSides(checkContext(), [{ name, pipeline: name, side, columns }], signal, {
    wantsLineage: true,
  });
  const lineage = typeof reports === "string" ? undefined : reports.get(name)?.lineage;
  // A command that looks beside one at work may write nothing: it is found again then.
  if (lineage !== undefined) await store.revisions.putLineage(revision, lineage).catch(() => {});
  return lineage;
}
