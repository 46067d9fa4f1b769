import * as v from "valibot";
import { PIPELINE_NAME_PATTERN } from "../names.ts";
import { parsePublishedName, PUBLISHED_CONNECTOR } from "../snapshots/source.ts";
import { isRecord } from "../../text/is_record.ts";

/** The pipelines that a pipeline runs after. */

const pipelineNames = v.pipe(
  v.array(v.pipe(v.string(), v.regex(PIPELINE_NAME_PATTERN, "expected the name of a pipeline"))),
  v.minLength(1, "expected at least one pipeline"),
);

/** In the place of names: those of the pipelines whose published models its streams read. */
const READS = "reads";
const namesOrReads = v.union(
  [pipelineNames, v.literal(READS)],
  "expected a list of pipelines, or reads for those whose published models its streams read",
);

export const afterSchema = v.pipe(
  v.union([
    namesOrReads,
    v.strictObject({ any: v.pipe(namesOrReads, v.description("Each success of one of these.")) }),
    v.strictObject({
      all: v.pipe(namesOrReads, v.description("When each of these has succeeded since the last time.")),
    }),
  ], "expected a list of pipelines, reads, {any: [pipelines]} or {all: [pipelines]}"),
  v.description(
    "Runs when other pipelines have succeeded, for the same interval of time: any of a list, or all. reads: those whose published models its streams read.",
  ),
);
export type AfterDefinition = v.InferOutput<typeof afterSchema>;

/** The same whichever way it was written. */
export interface Dependencies {
  /** Whether a success of one of them is enough. */
  readonly needs: "any" | "all";
  /** Their names, each once. */
  readonly pipelines: readonly string[];
}

export function dependenciesOf(after: AfterDefinition): Dependencies {
  const [needs, names] = Array.isArray(after) || after === READS
    ? ["any" as const, after]
    : "all" in after
    ? ["all" as const, after.all]
    : ["any" as const, after.any];
  // One that reads nothing of others, which is a fault.
  return { needs, pipelines: names === READS ? [] : [...new Set(names)] };
}

/**
 * The definition as it was written, with the names of the pipelines whose published models its streams read in the place of
 * `reads`, where there are some.
 */
export function withReadPipelines(written: unknown): unknown {
  if (!isRecord(written)) return written;
  const { after, extract } = written;
  const streams = isRecord(extract) ? Object.values(extract) : [];
  const names = new Set(streams.flatMap((stream) => {
    if (!isRecord(stream) || stream["connector"] !== PUBLISHED_CONNECTOR) return [];
    return parsePublishedName(String(stream["stream"]))?.pipeline ?? [];
  }));
  if (names.size === 0) return written;
  if (after === READS) return { ...written, after: [...names] };
  if (!isRecord(after)) return written;
  const named = Object.entries(after).map(([key, value]) => [key, value === READS ? [...names] : value]);
  return { ...written, after: Object.fromEntries(named) };
}
