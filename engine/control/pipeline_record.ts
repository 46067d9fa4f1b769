import { AppError } from "../../contract/errors.ts";
import { requirePlacedName } from "../../contract/environments/pipeline_name.ts";
import { didYouMeanOneOf } from "../../text/suggest.ts";
import type { Store } from "../store/store.ts";

/** Throws not_found, with the name that was likely meant, or invalid for what cannot be a name. */
export async function pipelineRecord({ pipelines }: Store, name: string) {
  // SQLite ends a text at a zero byte: it would find another pipeline's name.
  if (name.includes("\0")) requirePlacedName(name);
  const record = await pipelines.get(name);
  if (record !== undefined) return record;
  requirePlacedName(name);
  const known = (await pipelines.list()).map((pipeline) => pipeline.name);
  throw new AppError("not_found", `There is no pipeline "${name}"${didYouMeanOneOf(name, known)}`);
}

/** The revision that is in force, with its steps; undefined where none is. Throws as `pipelineRecord` does. */
export async function revisionInForce(store: Store, name: string) {
  const { revision } = await pipelineRecord(store, name);
  return revision === null ? undefined : await store.revisions.get(revision);
}
