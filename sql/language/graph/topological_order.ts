export interface Ordering {
  /** Every node once, each behind those that it depends on, as far as cycles allow. */
  readonly order: readonly string[];
  /** Each cycle once: a, b, a for a → b → a. */
  readonly cycles: readonly (readonly string[])[];
}

/**
 * Orders nodes so that each stands behind what it depends on. The result depends on the graph alone,
 * not on the order in which nodes or edges are given: where there is a choice, names decide.
 * Dependencies that are no nodes are left out.
 */
export function orderTopologically(dependencies: ReadonlyMap<string, Iterable<string>>): Ordering {
  const order: string[] = [];
  const cycles: string[][] = [];
  const state = new Map<string, "open" | "done">();
  // An explicit stack: a chain of models may be longer than the call stack is deep.
  for (const root of [...dependencies.keys()].sort()) {
    if (state.has(root)) continue;
    const path: { node: string; pending: string[] }[] = [];
    const enter = (node: string) => {
      state.set(node, "open");
      path.push({ node, pending: [...new Set(dependencies.get(node))].sort().reverse() });
    };
    enter(root);
    for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
      const next = frame.pending.pop();
      if (next === undefined) {
        state.set(frame.node, "done");
        order.push(frame.node);
        path.pop();
      } else if (state.get(next) === "open") {
        const start = path.findIndex((entry) => entry.node === next);
        cycles.push([...path.slice(start).map((entry) => entry.node), next]);
      } else if (!state.has(next) && dependencies.has(next)) {
        enter(next);
      }
    }
  }
  return { order, cycles };
}
