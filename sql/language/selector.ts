import { AppError } from "../../contract/errors.ts";
import { isSameName } from "../../contract/sql.ts";
import { didYouMean, listWords } from "../../text/suggest.ts";
import { checkedNode } from "./checks/check.ts";
import type { Graph, GraphNode } from "./graph.ts";

/** What an expression selects, each in the graph's order. */
export interface Selection {
  /** Streams and models to read and build. */
  readonly steps: ReadonlySet<string>;
  /** Those of them whose loads run too: what was only taken along since others need it is not loaded. */
  readonly loaded: ReadonlySet<string>;
  /** Checks that are named, `check:daily.no_gaps`: they run by themselves where their table is not built. */
  readonly checks: ReadonlySet<string>;
}

/** The part of a graph that a selection is made from. */
export type SelectableGraph = Pick<Graph, "nodes" | "order" | "checkDepends">;

/** Steps by how they differ from another version, by the names of their nodes: `state:modified`. */
export interface StepStates {
  /** Those that are new or another than before. */
  readonly modified: ReadonlySet<string>;
  /** Those that were not there before. */
  readonly new: ReadonlySet<string>;
}

/**
 * The steps that an expression names.
 *
 * | | |
 * | --- | --- |
 * | `daily`, `model:daily` | a model; `stg_*` and `?` match several |
 * | `raw.orders`, `extract:orders`, `source:orders` | a stream; one of its child tables is it, too |
 * | `tag:finance` | every step with the tag |
 * | `path:transforms/finance` | models in the folder, or of the file; `*` and `?` match several |
 * | `config.materialized:view` | models that a run makes so |
 * | `state:modified`, `state:new` | what is another, or was not there |
 * | `+daily`, `daily+`, `2+daily+1` | and what it and its checks read, what reads it, at most so many steps away |
 * | `@daily` | what reads it, and what all of that reads |
 * | `check:daily`, `check:daily.no_gaps` | checks alone, of a table as it is; `check:*,tag:finance` those of some steps |
 * | `a b` | either |
 * | `a,b` | both |
 * | `-a` | without it; alone, all but it |
 *
 * Throws invalid for an expression that is not one, and for a part that selects no step. Without `states` a part of a state
 * may be any step: who asks does not know yet.
 */
export function selectSteps(expression: string, graph: SelectableGraph, states?: StepStates): Selection {
  const terms = expression.trim().split(/\s+/).filter((term) => term !== "");
  if (terms.length === 0) throw new AppError("invalid", "Cannot select steps: the expression is empty");
  const selector = new Selector(graph, states);
  const wanted = terms.filter((term) => !term.startsWith("-"));
  const steps = new Set(wanted.length === 0 ? graph.order : []);
  const loaded = new Set(steps);
  const checks = new Set(wanted.filter(namesCheck).flatMap((term) => selector.checks(term)));
  for (const term of wanted.filter((other) => !namesCheck(other))) {
    const found = selector.term(term, term);
    for (const name of found.steps) steps.add(name);
    for (const name of found.loaded) loaded.add(name);
  }
  for (const term of terms.filter((other) => other.startsWith("-"))) {
    if (states === undefined && namesState(term)) continue;
    if (namesCheck(term)) {
      for (const name of leftOut(selector.checks(term.slice(1)), term, checks)) checks.delete(name);
      continue;
    }
    for (const name of selector.without(term.slice(1), term)) {
      steps.delete(name);
      loaded.delete(name);
    }
  }
  if (steps.size + checks.size === 0) {
    throw new AppError("invalid", `Cannot select "${expression.trim()}": nothing is left`);
  }
  const inOrder = (names: ReadonlySet<string>) => new Set(graph.order.filter((name) => names.has(name)));
  return { steps: inOrder(steps), loaded: inOrder(loaded), checks };
}

const namesCheck = (term: string): boolean => /(?:^-?|,)[\d+@]*check:/i.test(term);

/** A check can be left out of those that are named, and of nothing else: it holds back what fails it. */
function leftOut(names: readonly string[], term: string, named: ReadonlySet<string>): readonly string[] {
  if (names.some((name) => named.has(name))) return names;
  throw new AppError(
    "invalid",
    `Cannot select "${term}": a check is left out of checks that are named, as in "check:* ${term}"; ` +
      `what is built is always checked, unless the check has severity: warn`,
  );
}

/** Whether an expression can only be answered by who knows how steps differ from another version. */
export const namesState = (expression: string): boolean => /(?:^|[\s,+@-])\d*\+?@?state:/i.test(expression);

const ATOM = /^(?:(\d*)(\+)|(@))?([^+@]+?)(?:(\+)(\d*))?$/;

class Selector {
  readonly #nodes: readonly GraphNode[];
  readonly #checks: readonly string[];
  readonly #needs: ReadonlyMap<string, readonly string[]>;
  readonly #dependents: ReadonlyMap<string, readonly string[]>;
  readonly #states: StepStates | undefined;

  constructor(graph: SelectableGraph, states: StepStates | undefined) {
    this.#states = states;
    this.#nodes = [...graph.nodes.values()];
    this.#checks = [...graph.checkDepends.keys()];
    const needs = new Map(this.#nodes.map(({ name, depends }) => [name, [...depends]]));
    for (const [check, reads] of graph.checkDepends) {
      const node = checkedNode(check);
      needs.get(node)?.push(...reads.filter((name) => name !== node));
    }
    this.#needs = needs;
    this.#dependents = new Map(this.#nodes.map(({ name, dependents }) => [name, dependents]));
  }

  /** `shown` is how messages call it. */
  term(text: string, shown: string): Omit<Selection, "checks"> {
    const [first, ...others] = text.split(",").map((atom) => this.#atom(atom, shown));
    const inAll = (
      of: (selection: Omit<Selection, "checks">) => ReadonlySet<string>,
      names: Iterable<string>,
    ) => new Set([...names].filter((name) => others.every((other) => of(other).has(name))));
    const steps = inAll((selection) => selection.steps, first?.steps ?? []);
    if (steps.size === 0) {
      const parts = listWords(text.split(",").map((atom) => `"${atom}"`));
      throw new AppError("invalid", `Cannot select "${shown}": no step is in ${parts} at once`);
    }
    return { steps, loaded: inAll((selection) => selection.loaded, first?.loaded ?? []) };
  }

  /** The checks of a term that names some: those that all of it names, other parts by their tables. */
  checks(text: string): string[] {
    const atoms = text.split(",").map((atom) => {
      if (!namesCheck(atom)) {
        const { steps } = this.#atom(atom, text);
        return (check: string) => steps.has(checkedNode(check));
      }
      const pattern = /^check:(.*)$/is.exec(atom)?.[1];
      if (pattern === undefined) {
        throw new AppError(
          "invalid",
          `Cannot select "${atom}": checks have neither + nor @, as in "check:daily"`,
        );
      }
      const found = new Set(
        this.#checks.filter((check) => namesOf(check).some((name) => matches(name, pattern))),
      );
      if (found.size === 0) {
        fail(atom, `no check is called ${pattern}`, this.#checks.flatMap(namesOf), "check:");
      }
      return (check: string) => found.has(check);
    });
    const found = this.#checks.filter((check) => atoms.every((isIn) => isIn(check)));
    if (found.length > 0) return found;
    const parts = listWords(text.split(",").map((atom) => `"${atom}"`));
    throw new AppError("invalid", `Cannot select "${text}": no check is in ${parts} at once`);
  }

  /** What is left out by the term. Where nothing has changed, leaving out what has is no slip. */
  without(text: string, shown: string): ReadonlySet<string> {
    const isOfNone = /^state:(\w+)$/i.exec(text)?.[1]?.toLowerCase();
    if ((isOfNone === "modified" || isOfNone === "new") && this.#states?.[isOfNone].size === 0) {
      return new Set();
    }
    return this.term(text, shown).steps;
  }

  #atom(atom: string, shown: string): Omit<Selection, "checks"> {
    const match = ATOM.exec(atom);
    if (match === null) {
      const where = atom === shown ? "" : ` in "${shown}"`;
      throw new AppError(
        "invalid",
        `Cannot select "${atom}"${where}: expected a step such as daily, +daily, daily+1, @daily, raw.orders or tag:finance`,
      );
    }
    const [, upDepth, up, around, body = "", down, downDepth] = match;
    const steps = new Set<string>();
    const loaded = new Set<string>();
    for (const { name } of this.#find(body)) {
      if (around !== undefined) {
        for (const found of reach(this.#dependents, name, Infinity)) {
          loaded.add(found);
          for (const needed of reach(this.#needs, found, Infinity)) steps.add(needed);
        }
      }
      for (const found of down === undefined ? [name] : reach(this.#dependents, name, depthOf(downDepth))) {
        steps.add(found);
        loaded.add(found);
      }
      for (const found of up === undefined ? [] : reach(this.#needs, name, depthOf(upDepth))) {
        steps.add(found);
      }
    }
    return { steps, loaded };
  }

  #find(body: string): GraphNode[] {
    const nodes = this.#nodes;
    const [, prefix = "model:", pattern = body] = PREFIXED.exec(body) ?? [];
    switch (prefix.toLowerCase()) {
      case "tag:": {
        const found = nodes.filter((node) => node.tags.some((tag) => matches(tag, pattern)));
        return found.length > 0 ? found : fail(body, `no step has the tag ${pattern}`, tagsOf(nodes));
      }
      case "path:": {
        const found = nodes.filter(({ path }) => path !== undefined && isBelow(path, pattern));
        return found.length > 0
          ? found
          : fail(body, `no model's file is ${pattern} or in it`, foldersOf(nodes));
      }
      case "config.materialized:": {
        const found = nodes.filter(({ materialized = "" }) => matches(materialized, pattern));
        const known = nodes.flatMap(({ materialized }) => materialized ?? []);
        return found.length > 0 ? found : fail(
          body,
          `no model is materialized as ${pattern}`,
          [...new Set(known)].map((word) => `${prefix}${word}`),
        );
      }
      case "state:":
        return this.#ofState(body, pattern.toLowerCase());
    }
    const kind = /^(?:extract:|source:|raw\.)$/i.test(prefix) ? "extract" : "model";
    const isOf = ({ label, tables = [] }: GraphNode) =>
      [label, ...tables].some((name) => matches(name, pattern));
    const found = nodes.filter((node) => node.kind === kind && isOf(node));
    if (found.length > 0) return found;
    // A name without a prefix is a model: the stream of that name is only a suggestion.
    const stream = nodes.find((node) => node.kind === "extract" && isOf(node));
    const names = nodes.map((node) => node.kind === "extract" ? `raw.${node.label}` : node.label);
    const what = `no ${kind === "extract" ? "stream" : "model"} is called ${pattern}`;
    if (kind === "model" && stream !== undefined) {
      throw new AppError("invalid", `Cannot select "${body}": ${what} (did you mean raw.${stream.label}?)`);
    }
    return fail(body, what, names);
  }

  #ofState(body: string, state: string): GraphNode[] {
    if (state !== "modified" && state !== "new") {
      return fail(body, `there is no state ${state}`, ["state:modified", "state:new"]);
    }
    const states = this.#states;
    if (states === undefined) return [...this.#nodes];
    const found = this.#nodes.filter(({ name }) => states[state].has(name));
    return found.length > 0
      ? found
      : fail(body, state === "new" ? "no step is new" : "no step has changed", []);
  }
}

const PREFIXED = /^(tag:|path:|config\.materialized:|state:|model:|extract:|source:|raw\.|main\.)?(.*)$/is;

/** The node and what lies along the edges, at most so far away. */
function reach(edges: ReadonlyMap<string, readonly string[]>, node: string, maxDepth: number): Set<string> {
  const found = new Set([node]);
  let ring = [node];
  for (let depth = 0; depth < maxDepth && ring.length > 0; depth++) {
    const next = ring.flatMap((name) => edges.get(name) ?? []).filter((name) => !found.has(name));
    ring = [...new Set(next)];
    for (const name of ring) found.add(name);
  }
  return found;
}

function depthOf(digits: string | undefined): number {
  return digits === undefined || digits === "" ? Infinity : Number(digits);
}

/** What a check can be called by: itself, and all of its table: `daily.no_gaps`, `daily`. */
function namesOf(check: string): string[] {
  const name = check.slice("check:".length);
  const node = checkedNode(check);
  const table = node.replace(/^extract:/, "raw.").replace(/^model:/, "");
  return [name, table];
}

/** Names in SQL are case-insensitive, so selections are too. */
function matches(name: string, pattern: string): boolean {
  if (!/[*?]/.test(pattern)) return isSameName(name, pattern);
  const source = pattern.replace(/[\\^$.+()[\]{}|/-]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "is").test(name);
}

/** `transforms/finance` and `transforms/finance/` are the folder, `transforms/finance/daily.sql` is one file. */
function isBelow(path: string, pattern: string): boolean {
  const place = pattern.replace(/^\.\//, "").replace(/\/+$/, "");
  const parts = path.split("/");
  return parts.some((_, index) => matches(parts.slice(0, index + 1).join("/"), place));
}

function foldersOf(nodes: readonly GraphNode[]): string[] {
  const folders = nodes.flatMap(({ path }) =>
    path === undefined ? [] : [path.slice(0, path.lastIndexOf("/"))]
  );
  return [...new Set(folders)].map((folder) => `path:${folder}`);
}

function tagsOf(nodes: readonly GraphNode[]): string[] {
  return [...new Set(nodes.flatMap((node) => node.tags))].map((tag) => `tag:${tag}`);
}

function fail(body: string, reason: string, candidates: readonly string[], prefix = ""): never {
  const known = [...new Set(candidates)].map((name) => `${prefix}${name}`);
  throw new AppError("invalid", `Cannot select "${body}": ${reason}${didYouMean(body, known)}`);
}
