import { createHash } from "node:crypto";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { ParamValue } from "../../../contract/run.ts";
import type { StepManifest } from "../../../contract/runs/manifest.ts";
import { isSameName } from "../../../contract/sql.ts";
import { gathersRows, isComputedByReaders, sourceText, writtenOf } from "../../../sql/build/model_change.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import type { Model } from "../../../sql/language/model.ts";
import { variableNames } from "../../../sql/language/scan_sql.ts";
import type { ModelDefinitions } from "./model_definitions.ts";

/** What a run's values come from. */
export interface RecipeValues {
  readonly definition: Pick<RunJob["definition"], "params">;
  readonly params: RunJob["params"];
}

/**
 * What makes a model's rows of the rows that it reads: its definition, those of the views and ephemeral models behind it, and
 * the values of variables. Where that is the same and the tables are, too, so is what is built.
 */
export class Recipes {
  readonly #models: ReadonlyMap<string, Model>;
  readonly #graph: Graph;
  readonly #definitions: ModelDefinitions;
  readonly #values: RecipeValues;

  constructor(
    models: readonly Model[],
    graph: Graph,
    definitions: ModelDefinitions,
    values: RecipeValues,
  ) {
    this.#models = new Map(models.map((model) => [`model:${model.name}`, model]));
    this.#graph = graph;
    this.#definitions = definitions;
    this.#values = values;
  }

  async of(model: Model): Promise<Required<Pick<StepManifest, "recipe" | "variables">>> {
    const behind = await Promise.all(
      this.#behind(model).map(async (other) => [other.name, sourceText(await this.#definitions.of(other))]),
    );
    const text = JSON.stringify([
      Object.entries(writtenOf(await this.#definitions.of(model))).sort(byName),
      behind.sort(byName),
      gathersRows(model) ? gatheredBy(model) : null,
    ]);
    return {
      recipe: createHash("sha256").update(text).digest("hex").slice(0, 32),
      variables: this.#variablesOf(model),
    };
  }

  /** All SQL that its rows are made by: its own, that of views and ephemeral models behind it, and of the macros in them. */
  sqlOf(model: Model): string[] {
    const models = [model, ...this.#behind(model)];
    const macros = new Set(models.flatMap(({ name }) => this.#graph.macros.get(`model:${name}`) ?? []));
    return [
      ...models.map(({ sql }) => sql),
      ...[...macros].map(({ text, start, end }) => text.slice(start, end)),
    ];
  }

  /** The models that it computes itself. */
  #behind({ name }: Model, found = new Set<Model>()): Model[] {
    for (const node of this.#graph.nodes.get(`model:${name}`)?.depends ?? []) {
      const other = this.#models.get(node);
      if (other === undefined || !isComputedByReaders(other) || found.has(other)) continue;
      found.add(other);
      this.#behind(other, found);
    }
    return [...found];
  }

  #variablesOf(model: Model): Record<string, ParamValue> {
    const { definition, params } = this.#values;
    const known = Object.keys(definition.params);
    if (known.length === 0) return {};
    const read = this.sqlOf(model).flatMap(variableNames);
    return Object.fromEntries(
      known.filter((name) => read.some((other) => isSameName(other, name)))
        .map((name) => [name, params[name] ?? null]),
    );
  }
}

/** What says how rows are gathered, and is no change of the model: see wayToBuild. */
const gatheredBy = ({ batchSize, beginMs, lookback, onSchemaChange, columns }: Model) => [
  batchSize ?? null,
  beginMs ?? null,
  lookback ?? null,
  onSchemaChange ?? null,
  Object.entries(columns).map(([name, { type }]) => [name, type ?? null]),
];

const byName = ([one = ""]: readonly unknown[], [other = ""]: readonly unknown[]): number =>
  String(one) < String(other) ? -1 : 1;
