import { piiOf, type PublishedColumns } from "../../definitions/published/read_columns.ts";
import { findSnapshot, modelSnapshots, pipelineSnapshots } from "../../snapshots/snapshot_files.ts";
import type { Store } from "../../store/store.ts";

/** As the revision in force was compiled, else as the newest snapshot has them. */
export function storedColumns(
  { store, dataDir }: { readonly store: Store; readonly dataDir: string },
): PublishedColumns {
  return async ({ pipeline, model }) => {
    const revision = (await store.pipelines.get(pipeline))?.revision ?? null;
    const lineage = revision === null ? undefined : await store.revisions.lineage(revision);
    const compiled = lineage?.tables.find(({ id }) => id === `main.${model}`)?.columns ?? [];
    const pii = piiOf(lineage, model);
    const typed = compiled.flatMap(({ name, type }) => type === undefined ? [] : [{ name, type }]);
    if (typed.length > 0 && typed.length === compiled.length) return { columns: typed, pii };
    const snapshot = await findSnapshot(modelSnapshots(pipelineSnapshots(dataDir, pipeline), model));
    return snapshot && { columns: snapshot.columns, pii };
  };
}
