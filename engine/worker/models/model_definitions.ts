import type { Graph } from "../../../sql/language/graph.ts";
import type { Model } from "../../../sql/language/model.ts";
import {
  definitionOf,
  gathersRows,
  type ModelDefinition,
  sourceText,
} from "../../../sql/build/model_change.ts";

/** What each model of a pipeline is made by, an incremental one with what it reads. Each is made up once. */
export class ModelDefinitions {
  readonly #models: ReadonlyMap<string, Model>;
  readonly #graph: Graph;
  readonly #own = new Map<string, ModelDefinition>();

  constructor(models: readonly Model[], graph: Graph) {
    this.#models = new Map(models.map((model) => [`model:${model.name}`, model]));
    this.#graph = graph;
  }

  of(model: Model): ModelDefinition {
    const own = this.#ownOf(`model:${model.name}`, model);
    if (!gathersRows(model)) return own;
    const sources: Record<string, string> = {};
    this.#addSources(`model:${model.name}`, sources);
    return { ...own, sources };
  }

  /** A table or a view is what its own SQL makes of streams; an incremental one has a history of its own. */
  #addSources(node: string, sources: Record<string, string>): void {
    for (const other of this.#graph.nodes.get(node)?.depends ?? []) {
      const source = this.#models.get(other);
      if (source === undefined || gathersRows(source) || source.name in sources) continue;
      sources[source.name] = sourceText(this.#ownOf(other, source));
      this.#addSources(other, sources);
    }
  }

  #ownOf(node: string, model: Model): ModelDefinition {
    const known = this.#own.get(node) ?? definitionOf(model, this.#graph.macros.get(node));
    this.#own.set(node, known);
    return known;
  }
}
