import { placedName, splitPlacedName } from "../../../contract/environments/pipeline_name.ts";
import { NO_COLUMNS } from "../../../contract/errors.ts";
import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import {
  type PublishedName,
  publishedNameText,
  type PublishedRead,
  publishedReads,
  type SnapshotInput,
  type SnapshotInputs,
} from "../../../contract/snapshots/source.ts";
import type { Column } from "../../../contract/sql.ts";
import type { PipelineSketch } from "../sketch.ts";

/** What is known of a published model before it is read. */
export interface KnownPublication {
  /** By the model's own types. */
  readonly columns: readonly Column[];
  /** Those with personal data. */
  readonly pii: readonly string[];
}

/** Undefined where nobody knows its columns yet. */
export type PublishedColumns = (read: PublishedName) => Promise<KnownPublication | undefined>;

/**
 * What is known of published models while pipelines are bound one behind the other. What the project's files make of a
 * model comes before what `others` know of it. An environment reads what production has published: there the files tell
 * only where nobody else does. `bound` has a pipeline's models by its name, as far as it was bound.
 */
export function knownFirst(
  bound: (pipeline: string, model: string) => KnownPublication | undefined,
  others: PublishedColumns | undefined,
  environment: string | null,
): PublishedColumns {
  return async (read) => {
    const { pipeline, model } = read;
    return bound(pipeline, model) ?? await others?.(read) ??
      (environment === null ? undefined : bound(placedName({ pipeline, environment }), model));
  };
}

/** The columns of a model that hold personal data. */
export const piiOf = (lineage: PipelineLineage | undefined, model: string): string[] =>
  (lineage?.tables.find(({ id }) => id === `main.${model}`)?.columns ?? [])
    .flatMap(({ name, pii }) => pii === true ? [name] : []);

/** What checks of these pipelines are given of the models that they read. */
export async function inputsOfChecks(
  definitions: readonly Pick<PipelineDefinition, "extract">[],
  columnsOf: PublishedColumns,
): Promise<SnapshotInputs> {
  const inputs: Record<string, SnapshotInput> = {};
  for (const read of definitions.flatMap(publishedReads)) {
    const name = publishedNameText(read);
    if (name in inputs) continue;
    const known = await columnsOf(read);
    inputs[name] = known === undefined
      ? {
        error: {
          code: "unavailable",
          reason: NO_COLUMNS,
          message: `the columns of ${name} are not known before ${read.pipeline} is right and has run`,
        },
      }
      : known;
  }
  return inputs;
}

/**
 * The items in waves: each behind those whose published models it reads, as far as they are among them. `readsOf` has
 * what it reads.
 */
export function inWaves<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  readsOf: (item: T) => readonly PublishedName[],
): T[][] {
  const waves: T[][] = [];
  const inFiles = (item: T) => splitPlacedName(nameOf(item)).pipeline;
  let rest = [...items];
  while (rest.length > 0) {
    const waiting = new Set(rest.map(inFiles));
    const next = rest.filter((item) =>
      !readsOf(item).some(({ pipeline }) => pipeline !== inFiles(item) && waiting.has(pipeline))
    );
    // A circle is a fault of its own: in any order then.
    const wave = new Set(next.length === 0 ? rest : next);
    waves.push([...wave]);
    rest = rest.filter((item) => !wave.has(item));
  }
  return waves;
}

/** What can be read of the definition of one with faults, too. */
export const readsOfSketch = (sketch: PipelineSketch | undefined): readonly PublishedRead[] =>
  sketch === undefined ? [] : publishedReads(sketch.definition);
