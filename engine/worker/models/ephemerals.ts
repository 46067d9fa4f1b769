import type { SqlSession } from "../../../contract/sql.ts";
import { declareEphemerals, ephemeralsBehind } from "../../../sql/build/ephemeral.ts";
import { declareMacros } from "../../../sql/build/macros.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import type { Macro } from "../../../sql/language/macros/parse_macros.ts";
import type { Model } from "../../../sql/language/model.ts";
import { nodeOf, type PlannedCheck, type PlannedModel } from "../plan.ts";

/** The ephemeral models of a run, and the macros, which sessions do not know by themselves. */
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

  /** The macros that the model's query calls, with those of the ephemeral models in it. */
  macrosOf(model: Model): Macro[] {
    return this.#macrosOf([...this.behind(model), model]);
  }

  /**
   * Makes those known that the step and its checks read, with the macros that they and the step call; an ephemeral model
   * makes itself known where it is built.
   */
  async declareFor(session: SqlSession, planned: PlannedModel | PlannedCheck): Promise<void> {
    for (const model of this.#readBy(planned)) {
      await declareMacros(session, this.#macrosOf([model]));
      await declareEphemerals(session, [model]);
    }
    await declareMacros(session, planned.macros);
  }

  #readBy(planned: PlannedModel | PlannedCheck): Model[] {
    if (this.#models.size === 0) return [];
    if (planned.kind === "check") return this.#of([...planned.step.depends, nodeOf(planned)]);
    const depends = [planned, ...planned.checks].flatMap(({ step }) => step.depends);
    return this.#of(depends).filter((model) => model !== planned.model);
  }

  #macrosOf(models: readonly Model[]): Macro[] {
    return [...new Set(models.flatMap(({ name }) => this.#graph.macros.get(`model:${name}`) ?? []))];
  }

  #of(nodes: readonly string[]): Model[] {
    return ephemeralsBehind(nodes, this.#graph, (node) => this.#models.get(node));
  }
}
