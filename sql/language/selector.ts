import { AppError } from "../../contract/errors.ts";
import { isSameName } from "../../contract/sql.ts";
import { didYouMean } from "../../text/suggest.ts";
import { downstreamOf, type Graph, type GraphNode, upstreamOf } from "./graph.ts";

/**
 * The steps that an expression names, in the graph's order.
 *
 * | | |
 * | --- | --- |
 * | `daily`, `model:daily` | a model; `stg_*` and `?` match several |
 * | `raw.orders`, `extract:orders` | a stream |
 * | `tag:finance` | every step with the tag |
 * | `+daily`, `daily+`, `2+daily+1` | and what it needs, what needs it, at most so many steps away |
 * | `a b` | either |
 * | `a,b` | both |
 *
 * Throws invalid for an expression that is not one, and for a part that matches no step.
 */
export function selectSteps(expression: string, graph: Graph): Set<string> {
  const terms = expression.trim().split(/\s+/).filter((term) => term !== "");
  if (terms.length === 0) throw new AppError("invalid", "Cannot select steps: the expression is empty");
  const selected = new Set<string>();
  for (const term of terms) {
    const [first, ...others] = term.split(",").map((atom) => selectAtom(atom, term, graph));
    for (const name of first ?? []) if (others.every((other) => other.has(name))) selected.add(name);
  }
  return new Set(graph.order.filter((name) => selected.has(name)));
}

const ATOM = /^(?:(\d*)(\+))?([^+]+?)(?:(\+)(\d*))?$/;

function selectAtom(atom: string, term: string, graph: Graph): Set<string> {
  const match = ATOM.exec(atom);
  if (match === null) {
    const where = atom === term ? "" : ` in "${term}"`;
    throw new AppError(
      "invalid",
      `Cannot select "${atom}"${where}: expected a step such as daily, +daily, daily+1, raw.orders or tag:finance`,
    );
  }
  const [, upDepth, up, body = "", down, downDepth] = match;
  const selected = new Set<string>();
  for (const { name } of findNodes(body, graph)) {
    selected.add(name);
    const add = (names: Iterable<string>) => {
      for (const other of names) selected.add(other);
    };
    if (up !== undefined) add(upstreamOf(graph, name, depthOf(upDepth)));
    if (down !== undefined) add(downstreamOf(graph, name, depthOf(downDepth)));
  }
  return selected;
}

function depthOf(digits: string | undefined): number {
  return digits === undefined || digits === "" ? Infinity : Number(digits);
}

function findNodes(body: string, graph: Graph): GraphNode[] {
  const nodes = [...graph.nodes.values()];
  const [, prefix = "model:", pattern = body] = /^(tag:|model:|extract:|raw\.|main\.)?(.*)$/.exec(body) ?? [];
  if (prefix === "tag:") {
    const found = nodes.filter((node) => node.tags.some((tag) => matches(tag, pattern)));
    return found.length > 0 ? found : fail(body, `no step has the tag ${pattern}`, tagsOf(nodes));
  }
  const kind = prefix === "extract:" || prefix === "raw." ? "extract" : "model";
  const found = nodes.filter((node) => node.kind === kind && matches(node.label, pattern));
  if (found.length > 0) return found;
  // A name without a prefix is a model: the stream of that name is only a suggestion.
  const stream = nodes.find((node) => node.kind === "extract" && matches(node.label, pattern));
  const names = nodes.map((node) => node.kind === "extract" ? `raw.${node.label}` : node.label);
  const what = `no ${kind === "extract" ? "stream" : "model"} is called ${pattern}`;
  if (kind === "model" && stream !== undefined) return fail(body, `${what}`, [`raw.${stream.label}`], true);
  return fail(body, what, names);
}

/** Names in SQL are case-insensitive, so selections are too. */
function matches(name: string, pattern: string): boolean {
  if (!/[*?]/.test(pattern)) return isSameName(name, pattern);
  const source = pattern.replace(/[\\^$.+()[\]{}|/-]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "is").test(name);
}

function tagsOf(nodes: readonly GraphNode[]): string[] {
  return [...new Set(nodes.flatMap((node) => node.tags))].map((tag) => `tag:${tag}`);
}

function fail(body: string, reason: string, candidates: readonly string[], isSure = false): never {
  const hint = isSure ? ` (did you mean ${candidates[0]}?)` : didYouMean(body, candidates);
  throw new AppError("invalid", `Cannot select "${body}": ${reason}${hint}`);
}
