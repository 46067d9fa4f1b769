import { PUBLISHED_CONNECTOR } from "../../../contract/snapshots/source.ts";
import type { Column } from "../../../contract/sql.ts";
import { UNASKED_STORES } from "../../secrets/open_stores.ts";
import { checkPipelines } from "../check/check_pipelines.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import type { Compared, PlanContext } from "./planned_pipeline.ts";

type StreamColumns = Readonly<Record<string, readonly Column[]>>;

/**
 * The columns of raw tables: as they were last seen, and of streams that nobody has seen as their files have them. Of
 * streams that read published models those that were seen.
 */
export async function streamColumnsOf(
  context: PlanContext,
  compared: readonly Compared[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, { readonly before: StreamColumns; readonly after: StreamColumns }>> {
  const columns = new Map<string, { before: StreamColumns; after: StreamColumns }>();
  const unseen: { pipeline: LoadedPipeline; streams: ReadonlySet<string>; known: StreamColumns }[] = [];
  for (const { planned: { name, after }, changes } of compared) {
    // As the project keeps them in git, and better as runs have seen them.
    const known = { ...after?.schemas?.columns, ...await context.knownColumns(name) };
    columns.set(name, { before: known, after: known });
    const streams = new Set(
      Object.entries(changes.after?.definition.extract ?? {}).filter(([stream, { connector }]) =>
        connector !== PUBLISHED_CONNECTOR &&
        (known[stream] === undefined || changes.parts.streams.some((change) => change.name === stream))
      ).map(([stream]) => stream),
    );
    if (context.asksFiles && after !== undefined && streams.size > 0) {
      unseen.push({ pipeline: after, streams, known });
    }
  }
  const offline = {
    ...context,
    isOffline: true,
    references: { ...context.references, stores: UNASKED_STORES },
  };
  const asked = unseen.map(({ pipeline }) => withoutModels(pipeline));
  for await (const { pipeline: { name }, streamColumns } of checkPipelines(offline, asked, signal)) {
    const { streams, known } = unseen.find(({ pipeline }) => pipeline.name === name) ??
      { streams: new Set(), known: {} };
    const fresh = Object.fromEntries(Object.entries(streamColumns).filter(([stream]) => streams.has(stream)));
    columns.set(name, {
      before: { ...streamColumns, ...known },
      after: { ...streamColumns, ...known, ...fresh },
    });
  }
  return columns;
}

/** For who asks for the columns of its streams alone. */
function withoutModels(pipeline: LoadedPipeline): LoadedPipeline {
  const { sketch } = pipeline;
  return { ...pipeline, files: [], sketch: sketch === undefined ? undefined : { ...sketch, files: [] } };
}
