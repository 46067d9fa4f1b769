import type { SqlSession } from "../../../contract/sql.ts";
import { declareEphemerals, ephemeralsBehind } from "../../../sql/build/ephemeral.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import type { Model } from "../../../sql/language/model.ts";
import { nodeOf, type PlannedCheck, type PlannedModel } from "../plan.ts";

/** The ephemeral models of a run, which sessions do not know by themselves. */
export class Ephemerals {
  readonly #models: ReadonlyMap<string, Model>;
  readonly #graph: Graph;

  constructor(models: readonly Model[], graph: Graph) {
    this.#models = new Map(
      models.filter(({ materialized }) => materialized === "ephemeral").map((
        model,
      ) => [`model:${model.name}`, model]),
    );
    this.#graph = graph;
  }

  /** Those that the model's own query reads, each behind those that it reads itself. */
  behind({ name }: Model): Model[] {
    if (this.#models.size === 0) return [];
    return this.#of(this.#graph.nodes.get(`model:${name}`)?.depends ?? []);
  }

  /** Makes those known that the step and its checks read; an ephemeral model makes itself known where it is built. */
  async declareFor(session: SqlSession, planned: PlannedModel | PlannedCheck): Promise<void> {
    if (this.#models.size === 0) return;
    const checks = planned.kind === "model" ? planned.checks : [];
    const reads = [planned, ...checks].flatMap(({ step }) => step.depends);
    const own = planned.kind === "check" ? [nodeOf(planned)] : [];
    const read = this.#of([...reads, ...own]);
    await declareEphemerals(
      session,
      planned.kind === "check" ? read : read.filter((model) => model !== planned.model),
    );
  }

  #of(nodes: readonly string[]): Model[] {
    return ephemeralsBehind(nodes, this.#graph, (node) => this.#models.get(node));
  }
}
