import assert from "node:assert/strict";
import { join } from "node:path";
import { lookAtProject, watchProject } from "../../../../engine/definitions/watch.ts";
import { ProjectFixture } from "./project_fixture.ts";

const DEADLINE_MS = 120_000;

/** Counts what the watcher yields, and waits for it to yield after a change. */
class Watching implements AsyncDisposable {
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #count = 0;
  #wake = () => {};

  constructor(dir: string, debounceMs = 20) {
    this.#done = (async () => {
      const since = await lookAtProject(dir);
      for await (const _ of watchProject(dir, { signal: this.#abort.signal, debounceMs, since })) {
        this.#count++;
        this.#wake();
      }
    })();
  }

  get count(): number {
    return this.#count;
  }

  /** Repeats the change until it is seen: the watcher may still be on its way to watching. */
  async sees(change: () => Promise<void>): Promise<void> {
    const before = this.#count;
    const deadline = performance.now() + DEADLINE_MS;
    while (this.#count === before) {
      assert(performance.now() < deadline, "the change was not seen");
      await change();
      await this.#within(200);
    }
  }

  async #within(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((done) => {
      this.#wake = done;
      timer = setTimeout(done, ms);
    });
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }
}

Deno.test("watchProject() yields for pipelines, connectors, models and new folders", async () => {
  await using project = await ProjectFixture.create({ "connectors.yaml": "a: {}" });
  await using watching = new Watching(project.dir);
  let version = 0;
  const write = (path: string) => () => project.write(path, `# ${version++}\n`);
  await watching.sees(write("connectors.yaml"));
  await watching.sees(write("project.yaml"));
  await watching.sees(write("transforms/deep/in/folders/a.sql"));
  await watching.sees(write("transforms/deep/in/_defaults.yaml"));
  await watching.sees(write("macros/a.sql"));
  await watching.sees(write("seeds/geo/a.csv"));
  await watching.sees(write("macros/a.sql"));
  await watching.sees(write("seeds/geo/a.csv"));
  await watching.sees(write("pipelines/a.yaml"));
  await watching.sees(write("pipelines/a.yaml"));
  await watching.sees(write("transforms/a/m.sql"));
  await watching.sees(write("transforms/a/m.sql"));
  await watching.sees(write("scripts/orders.ts"));
  await watching.sees(write("scripts/lib/codes.json"));
  await watching.sees(write("scripts/lib/codes.json"));
  await watching.sees(write("deno.lock"));
});

Deno.test("lookAtProject() ends where links of scripts/ lead in a circle", async () => {
  await using project = await ProjectFixture.create({ "scripts/a.ts": "" });
  for (const name of ["one", "two"]) {
    await Deno.symlink(join(project.dir, "scripts"), join(project.dir, "scripts", name));
  }
  assert((await lookAtProject(project.dir)).files.includes("scripts/one/two/a.ts"));
});

Deno.test("watchProject() yields for what has changed since the look that it is given, and for nothing else", async () => {
  await using project = await ProjectFixture.create({ "connectors.yaml": "a: {}" });
  const before = await lookAtProject(project.dir);
  await project.write("pipelines/a.yaml", "a: 1\n");
  const after = await lookAtProject(project.dir);
  const counts: number[] = [];
  for (const since of [before, after]) {
    const abort = new AbortController();
    let count = 0;
    setTimeout(() => abort.abort(), 500);
    for await (const _ of watchProject(project.dir, { signal: abort.signal, debounceMs: 20, since })) count++;
    counts.push(count);
  }
  assert.deepEqual(counts, [1, 0]);
});

Deno.test("watchProject() survives the removal of a folder and of the project", async () => {
  await using project = await ProjectFixture.create({ "pipelines/a.yaml": "a: 1" });
  await using watching = new Watching(project.dir);
  let version = 0;
  const write = () => project.write("pipelines/a.yaml", `# ${version++}\n`);
  await watching.sees(write);
  await Deno.remove(join(project.dir, "pipelines"), { recursive: true });
  await watching.sees(write);
  await Deno.remove(project.dir, { recursive: true });
  await watching.sees(write);
  await watching.sees(write);
});

Deno.test("watchProject() makes one of a burst and is not woken by other files", async () => {
  await using project = await ProjectFixture.create({ "pipelines/a.yaml": "a: 1", "out/x.csv": "1" });
  await using watching = new Watching(project.dir, 300);
  let version = 0;
  await watching.sees(() => project.write("pipelines/a.yaml", `# ${version++}\n`));
  for (let index = 0; index < 50; index++) {
    await project.write("out/x.csv", String(index));
    await project.write("out/deep/y.sql", String(index));
    await project.write("notes.txt", String(index));
    await Deno.readTextFile(join(project.dir, "pipelines/a.yaml"));
  }
  const before = watching.count;
  for (let index = 0; index < 50; index++) {
    await project.write("pipelines/b.yaml", `# ${version++} ${index}\n`);
  }
  await watching.sees(() => Promise.resolve());
  assert(watching.count - before <= 2, `${watching.count - before} for one burst`);
});

Deno.test("watchProject() ends when the signal aborts, also where the folder is not there", async () => {
  const abort = new AbortController();
  const loop = (async () => {
    const since = await lookAtProject("/nonexistent-project");
    for await (
      const _ of watchProject("/nonexistent-project", { signal: abort.signal, debounceMs: 1, since })
    );
  })();
  abort.abort();
  await loop;
});
