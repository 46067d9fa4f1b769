import { nameKey, type SqlSession } from "../../../contract/sql.ts";
import { isSameDefinition, keepsRows } from "../../../sql/build/model_change.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import type { Model } from "../../../sql/language/model.ts";
import { readModelsOfCopy } from "../../warehouse/models/built_models.ts";
import { tablesOf } from "../comparison/build_side.ts";
import { ModelDefinitions } from "../models/model_definitions.ts";

/**
 * The models behind a node whose tables are not what their SQL makes now, in the order of building: those that no run has
 * built, that were built by another definition, or that read one of them. A history that only goes on stays as it is. Ephemeral
 * ones have no tables, and are none of them.
 */
export async function outdatedModels(
  session: SqlSession,
  node: string,
  graph: Graph,
  models: ReadonlyMap<string, Model>,
): Promise<Model[]> {
  const there = new Set((await tablesOf(session, "main")).map(({ name }) => nameKey(name)));
  const built = await readModelsOfCopy(session);
  const definitions = new ModelDefinitions([...models.values()], graph);
  const changed = new Set<string>();
  const behind = nodesBehind(node, graph);
  for (const other of graph.order) {
    const model = models.get(other);
    if (model === undefined || !behind.has(other)) continue;
    const known = built.get(nameKey(model.name));
    const isThere = model.materialized === "ephemeral" || there.has(nameKey(model.name));
    const isSame = isThere && known !== undefined && isSameDefinition(known, definitions.of(model));
    const readsChanged = graph.nodes.get(other)?.depends.some((one) => changed.has(one)) === true;
    if (!isSame || (readsChanged && !keepsRows(model))) changed.add(other);
  }
  return graph.order.flatMap((other) => {
    const model = models.get(other);
    return model !== undefined && changed.has(other) && model.materialized !== "ephemeral" ? [model] : [];
  });
}

/** The nodes that a node reads, directly or through others. */
function nodesBehind(node: string, graph: Pick<Graph, "nodes">): Set<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    for (const other of graph.nodes.get(name)?.depends ?? []) {
      if (found.has(other)) continue;
      found.add(other);
      visit(other);
    }
  };
  visit(node);
  return found;
}
