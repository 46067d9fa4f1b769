import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import { isWildcard } from "../../contract/pipeline/wildcard.ts";
import type { Store } from "../store/store.ts";

/** The streams of a definition, in the place of a wildcard those that were seen of it. */
export async function streamsSeen(
  store: Store,
  pipeline: string,
  extract: PipelineDefinition["extract"],
): Promise<PipelineDefinition["extract"]> {
  const [, wildcard] = Object.entries(extract).find(([, stream]) => isWildcard(stream)) ?? [];
  if (wildcard === undefined) return extract;
  const written = Object.entries(extract).filter(([, stream]) => !isWildcard(stream));
  const seen = Object.keys(await store.pipelines.streamColumns(pipeline));
  const found = seen.filter((name) => !Object.hasOwn(extract, name)).map((name) => [name, wildcard] as const);
  return Object.fromEntries([...written, ...found]);
}
