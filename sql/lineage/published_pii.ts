import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import { publishedNameText, publishedReads, type SnapshotInputs } from "../../contract/snapshots/source.ts";
import { type Column, findColumn } from "../../contract/sql.ts";

/** The definition whose streams of published models mark the columns that their publishers mark, as far as they are stored. */
export function withPublishedPii(
  definition: PipelineDefinition,
  published: SnapshotInputs,
  columns: Readonly<Record<string, readonly Column[] | undefined>>,
): PipelineDefinition {
  const marked = publishedReads(definition).flatMap((read) => {
    const input = published[publishedNameText(read)];
    const stream = definition.extract[read.stream];
    if (input === undefined || "error" in input || stream === undefined) return [];
    const stored = columns[read.stream] ?? [];
    const isStored = (name: string) => findColumn(stored, stream.rename[name] ?? name) !== undefined;
    const pii = [...new Set([...stream.pii ?? [], ...(input.pii ?? []).filter(isStored)])];
    return pii.length === 0 ? [] : [[read.stream, { ...stream, pii }] as const];
  });
  if (marked.length === 0) return definition;
  return { ...definition, extract: { ...definition.extract, ...Object.fromEntries(marked) } };
}
