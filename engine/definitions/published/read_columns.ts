import { NO_COLUMNS } from "../../../contract/errors.ts";
import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import {
  type PublishedName,
  publishedNameText,
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

/** The columns of a model that hold personal data. */
export const piiOf = (lineage: PipelineLineage | undefined, model: string): string[] =>
  (lineage?.tables.find(({ id }) => id === `main.${model}`)?.columns ?? [])
    .flatMap(({ name, pii }) => pii === true ? [name] : []);

/** What checks of these pipelines are given of the models that they read. */
export async function inputsOfChecks(
  sketches: readonly PipelineSketch[],
  columnsOf: PublishedColumns,
): Promise<SnapshotInputs> {
  const inputs: Record<string, SnapshotInput> = {};
  for (const read of sketches.flatMap(({ definition }) => publishedReads(definition))) {
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

/** The items in waves: each behind those whose published models it reads, as far as they are among them. */
export function inWaves<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  sketchOf: (item: T) => PipelineSketch | undefined,
): T[][] {
  const waves: T[][] = [];
  let rest = [...items];
  while (rest.length > 0) {
    const waiting = new Set(rest.map(nameOf));
    const readsOf = (item: T) => {
      const sketch = sketchOf(item);
      return sketch === undefined ? [] : publishedReads(sketch.definition);
    };
    const next = rest.filter((item) =>
      !readsOf(item).some(({ pipeline }) => pipeline !== nameOf(item) && waiting.has(pipeline))
    );
    // A circle is a fault of its own: in any order then.
    const wave = next.length === 0 ? rest : next;
    waves.push(wave);
    rest = rest.filter((item) => !wave.includes(item));
  }
  return waves;
}
