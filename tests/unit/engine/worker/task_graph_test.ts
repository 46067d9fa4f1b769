import { deepEqual, equal, ok } from "node:assert/strict";
import { runTaskGraph, type Task, type TaskGraphOptions } from "../../../../engine/worker/task_graph.ts";

const task = (name: string, depends: readonly string[] = [], uses: readonly string[] = []): Task => ({
  name,
  depends,
  uses,
});

/** Runs tasks that end when the test says so. */
class Graph {
  readonly begun: string[] = [];
  readonly skipped: [string, readonly string[]][] = [];
  readonly stop = new AbortController();
  readonly #ends = new Map<string, (succeeded: boolean) => void>();
  readonly whole: Promise<void>;

  constructor(
    tasks: readonly Task[],
    options: Partial<TaskGraphOptions<Task>> = {},
    onBegin: (name: string, partner: string | undefined) => void = () => {},
  ) {
    this.whole = runTaskGraph(tasks, {
      limit: 10,
      limitOf: () => 10,
      signal: this.stop.signal,
      run: ({ name }, partner) => {
        this.begun.push(name);
        onBegin(name, partner?.name);
        return new Promise((resolve) => this.#ends.set(name, resolve));
      },
      skip: ({ name }, because) => void this.skipped.push([name, because]),
      ...options,
    });
  }

  /** Ends the task, and gives what may begin then the time to do so. */
  async end(name: string, succeeded = true): Promise<void> {
    const end = this.#ends.get(name);
    ok(end !== undefined, `${name} has begun`);
    end(succeeded);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
}

Deno.test("runTaskGraph() begins each task as soon as what it depends on is done", async () => {
  const graph = new Graph([task("a"), task("b"), task("c", ["a"]), task("d", ["a", "b", "elsewhere"])]);
  deepEqual(graph.begun, ["a", "b"]);
  await graph.end("a");
  deepEqual(graph.begun, ["a", "b", "c"]);
  await graph.end("b");
  deepEqual(graph.begun, ["a", "b", "c", "d"]);
  await graph.end("c");
  await graph.end("d");
  await graph.whole;
});

Deno.test("runTaskGraph() keeps the list's order, one task at a time, with a limit of one", async () => {
  const graph = new Graph([task("a"), task("b"), task("c", ["a"])], { limit: 1 });
  for (const name of ["a", "b", "c"]) {
    equal(graph.begun.at(-1), name);
    await graph.end(name);
  }
  await graph.whole;
});

Deno.test("runTaskGraph() stops the branch of a failure alone, at any distance, wherever it stands in the list", async () => {
  const graph = new Graph([
    task("last", ["far"]),
    task("far", ["near"]),
    task("near", ["bad"]),
    task("bad"),
    task("other"),
    task("beside", ["other"]),
  ]);
  await graph.end("bad", false);
  await graph.end("other");
  await graph.end("beside");
  await graph.whole;
  deepEqual(graph.begun, ["bad", "other", "beside"]);
  deepEqual(new Map(graph.skipped), new Map([["near", ["bad"]], ["far", ["near"]], ["last", ["far"]]]));
});

Deno.test("runTaskGraph() gives a thing to no more tasks at a time than it has places, and others pass by", async () => {
  const graph = new Graph([
    task("a", [], ["shop"]),
    task("b", [], ["shop"]),
    task("c", [], ["shop", "lake"]),
    task("d", [], ["lake"]),
  ], { limitOf: (used) => used === "shop" ? 2 : 1 });
  deepEqual(graph.begun, ["a", "b", "d"]);
  await graph.end("a");
  deepEqual(graph.begun, ["a", "b", "d"], "c waits for the lake too");
  await graph.end("d");
  deepEqual(graph.begun, ["a", "b", "d", "c"]);
  await graph.end("b");
  await graph.end("c");
  await graph.whole;
});

Deno.test("runTaskGraph() begins nothing after an abort, and resolves when what runs has ended", async () => {
  const graph = new Graph([task("a"), task("b", ["a"])]);
  graph.stop.abort();
  let isWhole = false;
  const whole = graph.whole.then(() => isWhole = true);
  await graph.end("nothing").catch(() => {});
  equal(isWhole, false, "a still runs");
  await graph.end("a");
  await whole;
  deepEqual(graph.begun, ["a"]);
});

/** Tasks of which `x load` is the partner of `x`, and with which partner each has begun. */
class Pairs {
  readonly begun: (readonly [string, string | undefined])[] = [];
  readonly graph: Graph;

  constructor(tasks: readonly Task[], options: Partial<TaskGraphOptions<Task>> = {}) {
    const { begun } = this;
    this.graph = new Graph(tasks, {
      ...options,
      partnerOf: ({ name }) => tasks.find((other) => other.name === `${name} load`),
    }, (name, partner) => begun.push([name, partner]));
  }
}

Deno.test("runTaskGraph() begins a partner when its task is done, in the place that was kept for it", async () => {
  const { graph, begun } = new Pairs(
    [task("a", [], ["shop"]), task("b", ["a"], ["lake"]), task("a load", ["a"], ["lake"])],
    { limit: 1, limitOf: () => 1 },
  );
  await graph.end("a");
  await graph.end("a load");
  await graph.end("b");
  await graph.whole;
  deepEqual(begun, [["a", "a load"], ["a load", undefined], ["b", undefined]]);
});

Deno.test("runTaskGraph() begins a task alone where its partner has no place, also of the same thing", async () => {
  const { graph, begun } = new Pairs(
    [
      task("a", [], ["shop"]),
      task("a load", ["a"], ["lake"]),
      task("b", [], ["shop"]),
      task("b load", ["b"], ["lake"]),
      task("c", [], ["narrow"]),
      task("c load", ["c"], ["narrow"]),
    ],
    { limitOf: (used) => used === "shop" ? 2 : 1 },
  );
  deepEqual(begun, [["a", "a load"], ["b", undefined], ["c", undefined]]);
  await graph.end("b");
  equal(begun.length, 3, "the load of b waits for that of a");
  await graph.end("c");
  await graph.end("c load");
  await graph.end("a");
  await graph.end("a load");
  await graph.end("b load");
  await graph.whole;
  deepEqual(graph.begun, ["a", "b", "c", "c load", "a load", "b load"]);
});

Deno.test("runTaskGraph() skips the partner of a task that failed, and gives its place to others", async () => {
  const { graph } = new Pairs(
    [task("a"), task("a load", ["a"], ["lake"]), task("b", [], ["lake"])],
    { limitOf: () => 1 },
  );
  deepEqual(graph.begun, ["a"]);
  await graph.end("a", false);
  deepEqual(graph.begun, ["a", "b"]);
  await graph.end("b");
  await graph.whole;
  deepEqual(graph.skipped, [["a load", ["a"]]]);
});

Deno.test("runTaskGraph() does not begin a partner after an abort", async () => {
  const { graph } = new Pairs([task("a"), task("a load", ["a"])]);
  graph.stop.abort();
  await graph.end("a");
  await graph.whole;
  deepEqual(graph.begun, ["a"]);
});
