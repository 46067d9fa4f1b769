import { quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import type { Graph } from "../language/graph.ts";
import type { Model } from "../language/model.ts";
import { withoutTerminators } from "../language/scan_sql.ts";
import { runModelSql } from "./run_model_sql.ts";

/**
 * `materialized: ephemeral`: a name for a query that is in no warehouse. Whoever reads it finds a temporary view in
 * their session, and a view, which others read later, has the query within its own.
 */

/** The ephemeral models that stand behind the nodes, directly or through others, each behind those that it reads. */
export function ephemeralsBehind(
  nodes: Iterable<string>,
  graph: Pick<Graph, "nodes">,
  modelOf: (node: string) => Model | undefined,
): Model[] {
  const found = new Set<Model>();
  const visit = (node: string): void => {
    const model = modelOf(node);
    if (model?.materialized !== "ephemeral" || found.has(model)) return;
    for (const other of graph.nodes.get(node)?.depends ?? []) visit(other);
    found.add(model);
  };
  for (const node of nodes) visit(node);
  return [...found];
}

/** Makes the models known to the session, in their order. Throws SqlError at its place where one cannot be bound. */
export async function declareEphemerals(session: SqlSession, models: readonly Model[]): Promise<void> {
  for (const model of models) {
    await runModelSql(session, model, `CREATE OR REPLACE TEMP VIEW ${quoteIdentifier(model.name)} AS\n`);
  }
}

/** What goes around the query of a view so that it holds the queries of the models. */
export function withEphemerals(
  models: readonly Model[],
): { readonly prefix: string; readonly suffix: string } {
  if (models.length === 0) return { prefix: "", suffix: "" };
  const queries = models.map(({ name, sql }) =>
    `${quoteIdentifier(name)} AS (\n${withoutTerminators(sql)}\n)`
  );
  return { prefix: `WITH ${queries.join(", ")}\nSELECT * FROM (\n`, suffix: "\n)" };
}
