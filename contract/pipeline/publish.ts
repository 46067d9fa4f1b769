import * as v from "valibot";
import { tableName } from "./words.ts";

/** How many snapshots of a model stay: the one before is still read by whoever has begun with it. */
export const KEPT_BY_DEFAULT = 2;
const MAX_KEPT = 1_000;

const publishOptionsSchema = v.strictObject({
  keep: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(MAX_KEPT),
      v.description(
        `How many snapshots of the model are kept, the newest among them; ${KEPT_BY_DEFAULT} by default.`,
      ),
    ),
  ),
});

export const publishSchema = v.pipe(
  v.union([v.array(tableName), v.record(tableName, publishOptionsSchema)]),
  v.description(
    "Models that are published as Parquet snapshots when they and their checks are done, for GET /api/data: a list of names, or name → options.",
  ),
);
export type PublishDefinition = v.InferOutput<typeof publishSchema>;

export interface PublishedModel {
  readonly model: string;
  readonly keep: number;
  /** Where the definition names it. */
  readonly path: readonly (string | number)[];
}

/** The models that a pipeline publishes, each once. */
export function publishedModels(publish: PublishDefinition | undefined): readonly PublishedModel[] {
  if (publish === undefined) return [];
  const named: PublishedModel[] = Array.isArray(publish)
    ? publish.map((model, index) => ({ model, keep: KEPT_BY_DEFAULT, path: ["publish", index] }))
    : Object.entries(publish).map(([model, { keep = KEPT_BY_DEFAULT }]) => ({
      model,
      keep,
      path: ["publish", model],
    }));
  return [...new Map(named.map((one) => [one.model, one])).values()];
}
