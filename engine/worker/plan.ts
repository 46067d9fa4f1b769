import { childTablesBy } from "../../contract/pipeline/child_tables.ts";
import type { LoadDefinition } from "../../contract/pipeline/load.ts";
import { namedLoads } from "../../contract/pipeline/named_loads.ts";
import { addressText, type PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import { streamsBefore } from "../../contract/pipeline/parents.ts";
import type { StreamDefinition } from "../../contract/pipeline/stream.ts";
import { publishedModels } from "../../contract/pipeline/publish.ts";
import type { PipelineStep } from "../../contract/run.ts";
import { quoteIdentifier } from "../../contract/sql.ts";
import { type Check, checkStep, modelChecks, streamChecks } from "../../sql/language/checks/check.ts";
import { downstreamOf, type Graph } from "../../sql/language/graph.ts";
import type { Macro } from "../../sql/language/macros/parse_macros.ts";
import type { Model } from "../../sql/language/model.ts";
import { orderTopologically } from "../../sql/language/graph/topological_order.ts";
import { rawTable } from "../warehouse/raw_table.ts";

/**
 * What a run of a pipeline does: one graph of steps. `step.depends` names the steps that have to be
 * done before; the list's order is one in which they can be done one after the other.
 *
 * A check that finds rows must keep them from every destination. It runs inside its model's own
 * transaction where all that it reads can be built before the model. Where it reads what is built
 * from its model it has to come later: then whatever reads the model, and that the check does not
 * wait for itself, waits for the check, and so do the loads of all that is built from the model.
 * The checks of a stream always come later: its rows are committed with its state.
 */
export interface Plan {
  readonly steps: readonly PlannedStep[];
}

export type PlannedStep = PlannedExtract | PlannedModel | PlannedCheck | PlannedSnapshot | PlannedLoad;

export interface PlannedExtract {
  readonly kind: "extract";
  readonly step: PipelineStep;
  readonly name: string;
  readonly stream: StreamDefinition;
}

export interface PlannedModel {
  readonly kind: "model";
  readonly step: PipelineStep;
  readonly model: Model;
  /** Run before the model is committed: where one fails, the model is not. */
  readonly checks: readonly PlannedCheck[];
  /** Those that its SQL calls, each behind those that it calls. */
  readonly macros: readonly Macro[];
}

export interface PlannedCheck {
  readonly kind: "check";
  readonly step: PipelineStep;
  readonly check: Check;
  readonly macros: readonly Macro[];
}

/** A model that is published. */
export interface PlannedSnapshot {
  readonly kind: "snapshot";
  readonly step: PipelineStep;
  readonly model: string;
  /** The graph's node of the model. */
  readonly node: string;
  /** The quoted table or view in the warehouse. */
  readonly relation: string;
  /** How many snapshots stay. */
  readonly keep: number;
}

export interface PlannedLoad {
  readonly kind: "load";
  readonly step: PipelineStep;
  /** The graph's node whose rows are loaded, as `model:daily`. */
  readonly node: string;
  /** The quoted table or view in the warehouse. */
  readonly relation: string;
  readonly target: LoadDefinition;
}

export function planRun(definition: PipelineDefinition, all: readonly Model[], graph: Graph): Plan {
  const models = all.filter((model) => model.materialized !== "seed" || isUsed(model, definition, graph));
  const edges = new Edges(graph);
  const byName = new Map(models.map((model) => [`model:${model.name}`, model]));
  const inline = new Map<string, PlannedCheck[]>();
  const late = new Map<string, PlannedCheck>();
  for (const [name, stream] of Object.entries(definition.extract)) {
    for (const check of streamChecks(name, stream)) {
      const planned = planCheck(null, check, graph);
      late.set(planned.step.name, planned);
    }
  }
  for (const node of graph.order) {
    const model = byName.get(node);
    if (model === undefined) continue;
    const checks = modelChecks(model).map((check) => planCheck(model.path, check, graph));
    inline.set(node, checks.filter((planned) => edges.admit(node, planned)));
    for (const planned of checks) {
      if (!inline.get(node)?.includes(planned)) late.set(planned.step.name, planned);
    }
  }
  for (const check of late.values()) edges.hold(check, graph);
  const transforms = edges.order().flatMap((name): PlannedStep[] => {
    const model = byName.get(name);
    const check = late.get(name);
    if (check !== undefined) return [check];
    if (model === undefined) return [];
    const step = planModel(model, edges);
    const macros = graph.macros.get(name) ?? [];
    return [{ kind: "model", model, step, checks: inline.get(name) ?? [], macros }];
  });
  const extracts = inOrder(definition.extract).filter(([, { enabled }]) => enabled !== false)
    .map(([name, stream]): PlannedExtract => ({
      kind: "extract",
      name,
      stream,
      step: planExtract(name, stream),
    }));
  const nodes = new Set(byName.keys());
  const snapshots = planSnapshots(definition, nodes, edges);
  const loads = planLoads(definition, nodes, edges);
  return { steps: [...extracts, ...transforms, ...snapshots, ...loads] };
}

/** Whether anything reads or loads a seed: its name alone, as that of a column, does not. */
function isUsed({ name }: Model, { load }: PipelineDefinition, graph: Graph): boolean {
  const node = `model:${name}`;
  const isRead = (graph.nodes.get(node)?.dependents.length ?? 0) > 0;
  return isRead || Object.hasOwn(load, name) ||
    [...graph.checkDepends].some(([step, reads]) =>
      reads.includes(node) && !step.startsWith(`check:${name}.`)
    );
}

/** The node of the graph by which a selection takes the step or leaves it. */
export function nodeOf(planned: PlannedStep): string {
  if (planned.kind === "load" || planned.kind === "snapshot") return planned.node;
  return planned.kind === "check" ? planned.check.node : planned.step.name;
}

/** All steps of a plan, for the page before the first run. */
export function stepsOf(plan: Plan): PipelineStep[] {
  return plan.steps.flatMap((planned) => [
    planned.step,
    ...(planned.kind === "model" ? planned.checks.map((check) => check.step) : []),
  ]);
}

/** What waits for what: the graph of models and streams, and what checks add to it. */
class Edges {
  readonly #edges: Map<string, Set<string>>;
  /** Late checks that hold back the loads of a node. */
  readonly #holds = new Map<string, string[]>();

  constructor(graph: Graph) {
    this.#edges = new Map([...graph.nodes.values()].map(({ name, depends }) => [name, new Set(depends)]));
  }

  of(name: string): readonly string[] {
    return [...this.#edges.get(name) ?? []].sort();
  }

  holdsOf(node: string): readonly string[] {
    return this.#holds.get(node) ?? [];
  }

  /**
   * Whether the check can run inside its model's transaction; the model then waits for all that the
   * check reads. A check that only warns makes its model wait for nothing.
   */
  admit(node: string, { check, step }: PlannedCheck): boolean {
    const reads = step.depends.filter((name) => name !== node && !this.#edges.get(node)?.has(name));
    const isAdmitted = check.severity === "warn"
      ? reads.every((name) => this.#dependsOn(node, name))
      : reads.every((name) => !this.#dependsOn(name, node));
    if (isAdmitted) { for (const name of reads) this.#add(node, name); }
    return isAdmitted;
  }

  /**
   * Puts a late check into the graph: what is built from its table waits for it, as far as the check
   * does not wait for that itself.
   */
  hold({ check, step }: PlannedCheck, graph: Graph): void {
    const own = check.node;
    for (const name of step.depends) this.#add(step.name, name);
    if (check.severity === "warn") return;
    for (const node of [own, ...downstreamOf(graph, own)]) {
      this.#holds.set(node, [...this.#holds.get(node) ?? [], step.name]);
      if (node !== own && !this.#dependsOn(step.name, node)) this.#add(node, step.name);
    }
  }

  /** Models and late checks, each behind what it waits for. */
  order(): readonly string[] {
    const transforms = new Map([...this.#edges].filter(([name]) => !name.startsWith("extract:")));
    return orderTopologically(transforms).order;
  }

  #add(from: string, to: string): void {
    const known = this.#edges.get(from);
    if (known === undefined) this.#edges.set(from, new Set([to]));
    else known.add(to);
  }

  /** Whether `from` waits for `to`, directly or not. */
  #dependsOn(from: string, to: string): boolean {
    const seen = new Set<string>();
    const open = [from];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      for (const next of this.#edges.get(name) ?? []) {
        if (next === to) return true;
        if (!seen.has(next)) open.push(next);
        seen.add(next);
      }
    }
    return false;
  }
}

/** The streams as they are written, but each behind those whose rows it is read by. */
function inOrder(streams: PipelineDefinition["extract"]): readonly (readonly [string, StreamDefinition])[] {
  const placed = new Map<string, StreamDefinition>();
  const place = (name: string, path: readonly string[]) => {
    const stream = streams[name];
    if (stream === undefined || placed.has(name) || path.includes(name)) return;
    for (const before of streamsBefore(stream)) place(before, [...path, name]);
    placed.set(name, stream);
  };
  for (const name of Object.keys(streams)) place(name, []);
  return [...placed];
}

function planExtract(name: string, stream: StreamDefinition): PipelineStep {
  const by = stream.update_key === undefined ? "" : ` by ${stream.update_key}`;
  return {
    name: `extract:${name}`,
    kind: "extract",
    depends: streamsBefore(stream).map((before) => `extract:${before}`),
    summary: `${stream.connector}: ${addressText(stream)}, ${stream.mode}${by}${
      stream.store ? "" : ", not stored"
    }`,
    file: null,
    sql: typeof stream["query"] === "string" ? stream["query"] : null,
  };
}

const materializedText = ({ materialized, strategy }: Model): string =>
  materialized === "incremental" ? `${materialized}, ${strategy}` : materialized;

function planModel(model: Model, edges: Edges): PipelineStep {
  const name = `model:${model.name}`;
  return {
    name,
    kind: "model",
    depends: [...edges.of(name)],
    summary: model.description ?? materializedText(model),
    file: model.path,
    // The rows of a seed are in its file.
    sql: model.materialized === "seed" ? null : model.sql,
  };
}

function planCheck(file: string | null, check: Check, graph: Graph): PlannedCheck {
  const name = checkStep(check);
  const step: PipelineStep = {
    name,
    kind: "check",
    depends: [...(graph.checkDepends.get(name) ?? [check.node])],
    summary: check.severity === "warn" ? "warns" : "stops the run",
    file,
    sql: check.sql,
  };
  return { kind: "check", check, step, macros: graph.macros.get(name) ?? [] };
}

/**
 * What a load's rows come from: the node of the graph, and the quoted table or view in the warehouse. `streamOf` has the
 * streams of child tables.
 */
export function loadedTable(
  table: string,
  isModel: (name: string) => boolean,
  streamOf: Readonly<Record<string, string>>,
): Pick<PlannedLoad, "node" | "relation"> {
  return isModel(table)
    ? { node: `model:${table}`, relation: `main.${quoteIdentifier(table)}` }
    : { node: `extract:${streamOf[table] ?? table}`, relation: rawTable(table) };
}

/** Snapshots wait for what keeps the model's rows from destinations, too: they are one. */
function planSnapshots(
  { publish }: PipelineDefinition,
  nodes: ReadonlySet<string>,
  edges: Edges,
): PlannedSnapshot[] {
  return publishedModels(publish).filter(({ model }) => nodes.has(`model:${model}`)).map(
    ({ model, keep }) => {
      const node = `model:${model}`;
      return {
        kind: "snapshot" as const,
        model,
        node,
        relation: `main.${quoteIdentifier(model)}`,
        keep,
        step: {
          name: `snapshot:${model}`,
          kind: "snapshot" as const,
          depends: [node, ...edges.holdsOf(node)],
          summary: `Parquet, ${keep} kept`,
          file: null,
          sql: null,
        },
      };
    },
  );
}

function planLoads(
  definition: PipelineDefinition,
  models: ReadonlySet<string>,
  edges: Edges,
): PlannedLoad[] {
  const children = childTablesBy(definition.extract);
  return namedLoads(definition.load).map(({ table, step, target }) => {
    const { node, relation } = loadedTable(table, (name) => models.has(`model:${name}`), children);
    return {
      kind: "load" as const,
      node,
      target,
      relation,
      step: {
        name: step,
        kind: "load" as const,
        depends: [node, ...edges.holdsOf(node)],
        summary: `${target.connector}: ${addressText(target)}, ${target.mode}`,
        file: null,
        sql: null,
      },
    };
  });
}
