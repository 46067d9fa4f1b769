import assert from "node:assert/strict";
import fc from "fast-check";
import { orderTopologically } from "../../../../../sql/language/graph/topological_order.ts";

const graphOf = (edges: Readonly<Record<string, readonly string[]>>) => new Map(Object.entries(edges));

Deno.test("orderTopologically() puts each node behind what it depends on", () => {
  const { order, cycles } = orderTopologically(
    graphOf({ a: ["c", "b"], b: ["c"], c: [], d: ["a", "elsewhere"] }),
  );
  assert.deepEqual(order, ["c", "b", "a", "d"]);
  assert.deepEqual(cycles, []);
});

Deno.test("orderTopologically() names each cycle and still orders every node", () => {
  const { order, cycles } = orderTopologically(graphOf({ a: ["b"], b: ["c"], c: ["a"], d: ["d"], e: ["a"] }));
  assert.deepEqual(cycles, [["a", "b", "c", "a"], ["d", "d"]]);
  assert.deepEqual([...order].sort(), ["a", "b", "c", "d", "e"]);
});

Deno.test("orderTopologically() is not stopped by a chain of 100,000 nodes", () => {
  const chain = new Map(Array.from({ length: 100_000 }, (_, index) => [`n${index}`, [`n${index + 1}`]]));
  const { order } = orderTopologically(chain);
  assert.equal(order.length, 100_000);
  assert.equal(order.at(-1), "n0");
});

/** Edges only lead to nodes with a smaller number, so there is no cycle. */
const dag = fc.array(fc.array(fc.nat(), { maxLength: 5 }), { maxLength: 40 }).map((lists) =>
  lists.map((list, index): [string, string[]] => [
    // Names that sort otherwise than the numbers.
    `n${(index * 7919) % 101}_${index}`,
    index === 0 ? [] : list.map((target) => `n${((target % index) * 7919) % 101}_${target % index}`),
  ])
);

Deno.test("orderTopologically() respects every edge of any graph without cycles", () => {
  fc.assert(fc.property(dag, (entries) => {
    const { order, cycles } = orderTopologically(new Map(entries));
    assert.deepEqual(cycles, []);
    assert.deepEqual([...order].sort(), entries.map(([name]) => name).sort());
    const index = new Map(order.map((name, place) => [name, place]));
    for (const [name, depends] of entries) {
      for (const other of depends) {
        assert.ok((index.get(other) ?? 0) < (index.get(name) ?? 0), `${other} < ${name}`);
      }
    }
  }));
});

Deno.test("orderTopologically() gives one graph one order, however it is written down", () => {
  fc.assert(fc.property(dag, fc.infiniteStream(fc.nat()), (entries, numbers) => {
    const shuffled = <T>(list: readonly T[]): T[] =>
      list.map((item) => ({ item, key: numbers.next().value ?? 0 })).sort((a, b) => a.key - b.key).map((
        { item },
      ) => item);
    const again = shuffled(entries).map(([name, depends]): [string, string[]] => [name, shuffled(depends)]);
    assert.deepEqual(orderTopologically(new Map(again)), orderTopologically(new Map(entries)));
  }));
});

Deno.test("orderTopologically() finds a cycle in any graph that has one", () => {
  fc.assert(fc.property(dag, fc.nat(), fc.nat(), (entries, one, two) => {
    fc.pre(entries.length > 0);
    const [last] = entries[one % entries.length] ?? [];
    const [, depends] = entries[two % entries.length] ?? [];
    if (last === undefined || depends === undefined) return;
    // Closing the way back from a node to one that needs it, where there is such a way.
    const reaches = new Set<string>();
    const graph = new Map(entries);
    const visit = (name: string) => {
      if (reaches.has(name)) return;
      reaches.add(name);
      for (const other of graph.get(name) ?? []) visit(other);
    };
    visit(last);
    const target = entries[two % entries.length]?.[0] ?? last;
    const closed = new Map(entries).set(target, [...depends, last]);
    const { cycles } = orderTopologically(closed);
    assert.equal(cycles.length > 0, reaches.has(target));
    for (const cycle of cycles) {
      assert.equal(cycle[0], cycle.at(-1));
      for (const [index, name] of cycle.slice(1).entries()) {
        assert.ok(closed.get(cycle[index] ?? "")?.includes(name));
      }
    }
  }));
});
