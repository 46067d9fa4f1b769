import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import type { Store } from "../../store/store.ts";
import { pipelineRecord } from "../pipeline_record.ts";

/**
 * Where the columns of a pipeline's tables come from, as it was found when the revision in force was checked. No tables
 * where none is in force. Throws not_found.
 */
export async function storedLineage(store: Store, name: string): Promise<PipelineLineage> {
  const { revision } = await pipelineRecord(store, name);
  const lineage = revision === null ? undefined : await store.revisions.lineage(revision);
  return lineage ?? { tables: [] };
}
