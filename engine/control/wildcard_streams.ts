import { childTablesBy } from "../../contract/pipeline/child_tables.ts";
import { loadTargets } from "../../contract/pipeline/load.ts";
import { type NamedLoad, namedLoads } from "../../contract/pipeline/named_loads.ts";
import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import { isWildcard, loadOfStream } from "../../contract/pipeline/wildcard.ts";
import type { RevisionHead } from "../store/ports/definitions.ts";
import type { Store } from "../store/store.ts";

type Extract = PipelineDefinition["extract"];
type Load = PipelineDefinition["load"];

/** The streams of a definition, in the place of a wildcard those that were seen of it. */
export async function streamsSeen(store: Store, pipeline: string, extract: Extract): Promise<Extract> {
  if (!hasWildcard(extract)) return extract;
  return withSeen(extract, Object.keys(await store.pipelines.streamColumns(pipeline)));
}

/** The same, where the names of all streams that runs have seen are known. */
export function withSeen(extract: Extract, seen: readonly string[]): Extract {
  const [, wildcard] = Object.entries(extract).find(([, stream]) => isWildcard(stream)) ?? [];
  if (wildcard === undefined) return extract;
  const written = Object.entries(extract).filter(([, stream]) => !isWildcard(stream));
  return Object.fromEntries([...written, ...foundIn(extract, seen).map((name) => [name, wildcard] as const)]);
}

/** The loads of a definition, those of wildcards for the streams that runs have seen of them. */
export async function loadsSeen(
  store: Store,
  { pipeline, definition: { extract, load } }: Pick<RevisionHead, "pipeline" | "definition">,
): Promise<readonly NamedLoad[]> {
  if (!hasWildcard(extract)) return namedLoads(load);
  const found = foundIn(extract, Object.keys(await store.pipelines.streamColumns(pipeline)));
  const isOfWildcard = (name: string) => extract[name] !== undefined && isWildcard(extract[name]);
  const all: Record<string, Load[string]> = Object.fromEntries(
    Object.entries(load).filter(([name]) => !isOfWildcard(name)),
  );
  for (const wildcard of Object.keys(extract).filter(isOfWildcard)) {
    const targets = loadTargets(load[wildcard] ?? []);
    if (targets.length === 0) continue;
    for (const stream of found) all[stream] ??= targets.map((target) => loadOfStream(target, stream));
  }
  return namedLoads(all);
}

const hasWildcard = (extract: Extract): boolean => Object.values(extract).some(isWildcard);

/** Of the streams that runs have seen those that wildcards stand for. */
function foundIn(extract: Extract, seen: readonly string[]): string[] {
  const children = childTablesBy(extract);
  return seen.filter((name) => !Object.hasOwn(extract, name) && !Object.hasOwn(children, name));
}
