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

  constructor(tasks: readonly Task[], options: Partial<TaskGraphOptions<Task>> = {}) {
    this.whole = runTaskGraph(tasks, {
      limit: 10,
      limitOf: () => 10,
      signal: this.stop.signal,
      run: ({ name }) => {
        this.begun.push(name);
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
