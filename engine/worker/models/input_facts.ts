import type { Step } from "../../../contract/run.ts";
import type { StepManifest, TableFacts } from "../../../contract/runs/manifest.ts";
import { VERSION } from "../../../contract/settings/version.ts";
import { gathersRows, isComputedByReaders } from "../../../sql/build/model_change.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import { type Model, modelTable } from "../../../sql/language/model.ts";
import { duckdbVersion } from "../../duckdb/database.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { lookAtTable, tableFacts, type TableLook } from "../../warehouse/models/table_facts.ts";
import { outputOf } from "../../warehouse/models/built_models.ts";
import { rawTable } from "../../warehouse/raw_table.ts";

/** What did a step. */
export const programVersions = (): Pick<StepManifest, "sluice" | "duckdb"> => ({
  sluice: VERSION,
  duckdb: duckdbVersion(),
});

/** What models of one attempt are built from, and what is made of them. Each table that is read is looked at once. */
export class InputFacts {
  readonly #graph: Graph;
  /** By node; those that are computed by who reads them. */
  readonly #computed: ReadonlySet<string>;
  readonly #known = new Map<string, Promise<readonly TableFacts[]>>();
  /** By the models' names. */
  readonly #seen = new Map<string, TableLook>();

  constructor(models: readonly Model[], graph: Graph, committed: Iterable<Step>) {
    this.#graph = graph;
    this.#computed = new Set(models.filter(isComputedByReaders).map(({ name }) => `model:${name}`));
    for (const step of committed) this.took(step);
  }

  /** What a step of this run has made is what others read. */
  took({ name, manifest }: Step): void {
    if (manifest?.output !== undefined) this.knows(name, manifest.output);
  }

  /** What is in the table of a step, by its node. */
  knows(node: string, output: TableFacts): void {
    if (output.hash !== null) this.#known.set(node, Promise.resolve([output]));
  }

  /** The tables that the model reads, those behind views among them. */
  async of(session: DuckSession, { name }: Model): Promise<TableFacts[]> {
    const facts: TableFacts[] = [];
    for (const node of this.#storedBehind(`model:${name}`)) facts.push(...await this.#factsOf(session, node));
    return facts;
  }

  /** The table of a model as it is, before this run goes on with it. */
  async before(session: DuckSession, { name }: Model): Promise<TableFacts | undefined> {
    return await outputOf(session, name) ??
      await tableFacts(session, { relation: modelTable(name), table: `main.${name}` });
  }

  /** What was made of the model, in the transaction that made it; `rows` is how many rows that brought. */
  async after(
    session: DuckSession,
    model: Model,
    rows: number | null,
  ): Promise<Pick<StepManifest, "output" | "moment">> {
    const table = `main.${model.name}`;
    if (isComputedByReaders(model)) {
      return {
        output: { table, rows: null, hash: null, left_out: "its rows are computed by what reads it" },
      };
    }
    const known = rows === null || gathersRows(model) ? {} : { rows };
    const found = await lookAtTable(session, { relation: modelTable(model.name), table, ...known });
    if (found === undefined) return {};
    this.#seen.set(model.name, found);
    return { moment: found.moment, output: found.facts };
  }

  /** What was seen of the model's table when it was made, for whoever shows it; once, as it may be large. */
  takeSeen({ name }: Model): TableLook | undefined {
    const seen = this.#seen.get(name);
    this.#seen.delete(name);
    return seen;
  }

  #storedBehind(node: string, found = new Set<string>()): Set<string> {
    for (const other of this.#graph.nodes.get(node)?.depends ?? []) {
      if (this.#computed.has(other)) this.#storedBehind(other, found);
      else found.add(other);
    }
    return found;
  }

  async #factsOf(session: DuckSession, node: string): Promise<readonly TableFacts[]> {
    const known = this.#known.get(node);
    // What another step began may have been stopped with it.
    if (known !== undefined) return await known.catch(() => this.#look(session, node));
    const own = this.#look(session, node);
    this.#known.set(node, own);
    return await own;
  }

  async #look(session: DuckSession, node: string): Promise<readonly TableFacts[]> {
    const found = this.#graph.nodes.get(node);
    if (found === undefined) return [];
    const { kind, label, tables = [] } = found;
    const named = kind === "model"
      ? [{ relation: modelTable(label), table: `main.${label}` }]
      : [label, ...tables].map((name) => ({ relation: rawTable(name), table: `raw.${name}` }));
    const facts: TableFacts[] = [];
    for (const { relation, table } of named) {
      const one = await tableFacts(session, { relation, table });
      if (one !== undefined) facts.push(one);
    }
    return facts;
  }
}
