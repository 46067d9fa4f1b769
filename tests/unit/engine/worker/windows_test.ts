import { deepEqual, equal } from "node:assert/strict";
import type { RunJob } from "../../../../contract/jobs/run_job.ts";
import { JobProject, rows } from "./job_fixture.ts";

/** Rows of a system, each with the moment at which it came; runs are for moments, too. */
class Shop implements AsyncDisposable {
  readonly rows: [id: number, at: number][] = [];
  readonly loaded: string[] = [];
  readonly #project: JobProject;
  #runs = 0;
  isOpen = true;

  private constructor(project: JobProject) {
    this.#project = project;
  }

  static async create(): Promise<Shop> {
    return new Shop(await JobProject.create());
  }

  /** A run until `endMs`; the loads that it ended are in `loaded`. */
  async run(endMs: number, models: Record<string, string>, more: Partial<RunJob> = {}, loads: string[] = []) {
    const all = this.rows.map(([id, at]): [number, string] => [id, String(at)]);
    this.#runs += 1;
    const attempt = await this.#project.attempt(
      {
        async *read({ streams: [asked] }) {
          yield await Promise.resolve(rows(asked?.name ?? "", ...all));
        },
        load: ({ target }) => {
          if (!this.isOpen) throw new Error("the destination is closed");
          this.loaded.push(JSON.stringify(target));
        },
      },
      {
        extract: { events: { connector: "it", stream: "events" } },
        load: Object.fromEntries(
          loads.map((name) => [name, { connector: "it", table: name, mode: "append" }]),
        ),
      },
      models,
      { runId: `run${this.#runs}`, windowEndMs: endMs, ...more },
    );
    return attempt;
  }

  /** The ids in a model's table. */
  async ids(model: string): Promise<unknown[]> {
    return (await this.#project.rows(`SELECT id FROM ${model} ORDER BY id`)).map(({ id }) => id);
  }

  async windows(): Promise<Record<string, unknown>> {
    const found = await this.#project.rows("SELECT step, end_ms, is_done FROM _sluice.windows ORDER BY step");
    return Object.fromEntries(
      found.map((row) => [row["step"], row["is_done"] ? row["end_ms"] : `owed ${row["end_ms"]}`]),
    );
  }

  query(sql: string) {
    return this.#project.rows(sql);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#project[Symbol.asyncDispose]();
  }
}

const IN_WINDOW =
  `(getvariable('window_start') IS NULL OR epoch_ms(x::BIGINT) AT TIME ZONE 'UTC' >= getvariable('window_start'))
  AND epoch_ms(x::BIGINT) AT TIME ZONE 'UTC' < getvariable('window_end')`;
const NEW = `SELECT id, x FROM raw.events WHERE ${IN_WINDOW}`;
const GATHERED = `/* @sluice\nmaterialized: incremental\nprimary_key: [id]\n*/\n${NEW}`;

Deno.test("a run of other steps moves no window: what came meanwhile is in the model's next one", async () => {
  await using shop = await Shop.create();
  const models = { gathered: GATHERED, other: "SELECT 1 AS one" };
  shop.rows.push([1, 50]);
  await shop.run(100, models);
  shop.rows.push([2, 150]);
  await shop.run(200, models, { select: "other" });
  shop.rows.push([3, 250]);
  // The pipeline's own window would begin at 200.
  await shop.run(300, models, { windowStartMs: 200 });
  deepEqual(await shop.ids("gathered"), [1, 2, 3]);
});

Deno.test("a table of the window's rows goes on from where it was built, and begins anew with a full refresh", async () => {
  await using shop = await Shop.create();
  const models = { fresh: NEW };
  shop.rows.push([1, 50], [2, 150], [3, 250], [4, 350]);
  await shop.run(100, models);
  deepEqual(await shop.ids("fresh"), [1]);
  await shop.run(200, models);
  deepEqual(await shop.ids("fresh"), [2]);
  await shop.run(250, models, { isWindowGiven: true, windowStartMs: 0 });
  deepEqual(await shop.ids("fresh"), [1, 2], "a window that was asked for");
  await shop.run(300, models);
  deepEqual(await shop.ids("fresh"), [3], "it moved nothing");
  await shop.run(400, models, { fullRefresh: true });
  deepEqual(await shop.ids("fresh"), [1, 2, 3, 4]);
});

Deno.test("rows that a load or a later model has not had come again, whatever was built since", async () => {
  await using shop = await Shop.create();
  const models = { fresh: NEW, later: "SELECT id FROM fresh" };
  shop.rows.push([1, 50], [2, 150], [3, 250], [4, 350], [5, 450]);
  shop.isOpen = false;
  const failed = await shop.run(100, models, {}, ["fresh"]);
  equal(failed.steps.get("model:fresh")?.state, "succeeded");
  equal(failed.steps.get("load:fresh→it")?.state, "failed");
  deepEqual(await shop.windows(), {
    "extract:events": 100,
    "load:fresh→it": "owed null",
    "model:fresh": 100,
    "model:later": 100,
  });
  shop.isOpen = true;
  await shop.run(200, models, {}, ["fresh"]);
  deepEqual(await shop.ids("fresh"), [1, 2], "the load had nothing of the first run");
  await shop.run(300, models, {}, ["fresh"]);
  deepEqual(await shop.ids("fresh"), [3]);
  await shop.run(400, models, { select: "fresh" }, ["fresh"]);
  deepEqual(await shop.ids("fresh"), [4]);
  await shop.run(500, models, {}, ["fresh"]);
  deepEqual(await shop.ids("later"), [4, 5], "the later model had nothing of the run without it");
});

Deno.test("a new reader of a model moves no window back, and is owed rows from then on", async () => {
  await using shop = await Shop.create();
  shop.rows.push([1, 50], [2, 150], [3, 250]);
  await shop.run(100, { fresh: NEW });
  const models = { fresh: NEW, late: "SELECT id FROM fresh WHERE error('not yet') IS NULL" };
  equal((await shop.run(200, models)).steps.get("model:late")?.state, "failed");
  deepEqual(await shop.ids("fresh"), [2]);
  await shop.run(300, { ...models, late: "SELECT id FROM fresh" });
  deepEqual(await shop.ids("late"), [2, 3]);
});

Deno.test("a check that runs after its model, and the next attempt, see the window that the model was built for", async () => {
  await using shop = await Shop.create();
  const model = (refused: number) =>
    `/* @sluice\nchecks:\n  - name: window\n    sql: SELECT * FROM late WHERE epoch_ms(getvariable('window_start')) IS DISTINCT FROM ${refused}\n*/\n${NEW}`;
  const models = (start: number) => ({ fresh: model(start), late: "SELECT id FROM fresh" });
  shop.rows.push([1, 50], [2, 150]);
  await shop.run(100, { fresh: NEW, late: "SELECT id FROM fresh" });
  const failed = await shop.run(200, models(7), { runId: "again" });
  equal(failed.steps.get("check:fresh.window")?.state, "failed");
  const retried = await shop.run(200, models(100), { runId: "again", attempt: 2 });
  equal(retried.steps.get("check:fresh.window")?.state, "succeeded");
});

Deno.test("steps of a warehouse from before windows were kept a step go on from the pipeline's own", async () => {
  await using shop = await Shop.create();
  shop.rows.push([1, 50], [2, 150]);
  await shop.run(100, { fresh: NEW });
  await shop.query("UPDATE _sluice.windows SET run_id = NULL, start_ms = NULL, end_ms = NULL");
  await shop.run(200, { fresh: NEW, newer: `${NEW}\n` }, { windowStartMs: 100 });
  deepEqual(await shop.ids("fresh"), [2]);
  deepEqual(await shop.ids("newer"), [1, 2]);
});

Deno.test("a view that a run has left out does not bring its readers rows again", async () => {
  await using shop = await Shop.create();
  const models = {
    news: NEW,
    seen: "/* @sluice\nmaterialized: view\n*/\nFROM news",
    added: "/* @sluice\nmaterialized: incremental\nstrategy: append\n*/\nFROM seen",
  };
  shop.rows.push([1, 50]);
  await shop.run(100, models);
  shop.rows.push([2, 150]);
  await shop.run(200, models, { select: "raw.events news added" });
  shop.rows.push([3, 250]);
  await shop.run(300, models);
  deepEqual(await shop.ids("added"), [1, 2, 3]);
});
