import { deepEqual, equal, match } from "node:assert/strict";
import type { RunJob } from "../../../../contract/jobs/run_job.ts";
import { type Attempt, JobProject, rows, statesOf } from "./job_fixture.ts";

const EXTRACT = { events: { connector: "it", stream: "events" } };

/** Runs one pipeline after the other over rows that the test changes. */
class PartialRuns implements AsyncDisposable {
  readonly #project: JobProject;
  values: [number, string][] = [[1, "a"]];
  loaded: string[] = [];
  #runs = 0;

  private constructor(project: JobProject) {
    this.#project = project;
  }

  static async create(): Promise<PartialRuns> {
    return new PartialRuns(await JobProject.create());
  }

  async run(models: Record<string, string>, loads: string[], more: Partial<RunJob> = {}): Promise<Attempt> {
    const { values } = this;
    this.loaded = [];
    this.#runs += 1;
    return await this.#project.attempt(
      {
        async *read({ streams: [asked] }) {
          yield await Promise.resolve(rows(asked?.name ?? "", ...values));
        },
        load: ({ target }) => {
          this.loaded.push(JSON.parse(JSON.stringify(target)).table);
        },
      },
      {
        extract: EXTRACT,
        load: Object.fromEntries(loads.map((name) => [name, { connector: "it", table: name }])),
      },
      models,
      { runId: `run${this.#runs}`, ...more },
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#project[Symbol.asyncDispose]();
  }
}

const messageOf = ({ error }: Attempt): string => error instanceof Error ? error.message : "it did not fail";

Deno.test("a model whose tables were never built is refused before the first step, with what to run", async () => {
  await using shop = await PartialRuns.create();
  const models = { up: "SELECT id FROM raw.events", down: "SELECT id FROM up" };
  const refused = await shop.run(models, [], { select: "down" });
  match(
    messageOf(refused),
    /Cannot build down alone: main\.up is not in the warehouse yet.*--select "\+down"/,
  );
  equal(refused.steps.size, 0);
  match(messageOf(await shop.run(models, [], { select: "up" })), /Cannot build up alone: raw\.events is not/);
  equal((await shop.run(models, [], { select: "+down" })).error, undefined);
  equal((await shop.run(models, [], { select: "down" })).error, undefined);
});

Deno.test("+model takes along what its checks read", async () => {
  await using shop = await PartialRuns.create();
  const models = {
    other: "SELECT id FROM raw.events",
    down:
      "/* @sluice\ncolumns: { id: { checks: [{ relationships: { to: other, column: id } }] } }\n*/ SELECT 1 AS id",
  };
  match(
    messageOf(await shop.run(models, [], { select: "down" })),
    /Cannot build down alone: main\.other is not/,
  );
  const run = await shop.run(models, ["other", "down"], { select: "+down" });
  equal(run.error, undefined);
  deepEqual(shop.loaded, ["down"], "what is only taken along is not loaded");
  equal(run.steps.get("check:down.relationships_id")?.state, "succeeded");
});

Deno.test("loads run for what is named and for what it leads to", async () => {
  await using shop = await PartialRuns.create();
  const models = { a: "SELECT id FROM raw.events", b: "SELECT id FROM a", c: "SELECT id FROM b" };
  const loads = ["a", "b", "c"];
  for (
    const [select, expected] of [
      [null, ["a", "b", "c"]],
      ["+b", ["b"]],
      ["b+", ["b", "c"]],
      ["a", ["a"]],
      ["-c", ["a", "b"]],
      ["a,+b c", ["c"]],
    ] as const
  ) {
    const run = await shop.run(models, loads, { select });
    equal(run.error, undefined, String(run.error));
    deepEqual(shop.loaded.sort(), expected, String(select));
  }
});

Deno.test("rows that a later check refused reach no destination in a run of the models behind it either", async () => {
  await using shop = await PartialRuns.create();
  const models = {
    base:
      "/* @sluice\nchecks: [{ name: fits, sql: SELECT * FROM late WHERE x = 'bad' }]\n*/ SELECT id, x FROM raw.events",
    late: "SELECT id, x FROM base",
  };
  const loads = ["base", "late"];
  equal((await shop.run(models, loads)).error, undefined);
  shop.values = [[1, "bad"]];
  const failed = await shop.run(models, loads);
  equal(statesOf(failed)["check:base.fits"], "failed");
  deepEqual(shop.loaded, []);
  const partial = await shop.run(models, loads, { select: "late" });
  equal(statesOf(partial)["model:late"], "succeeded");
  equal(statesOf(partial)["check:base.fits"], "failed");
  deepEqual(shop.loaded, []);
  shop.values = [[1, "good"]];
  equal((await shop.run(models, loads)).error, undefined);
  deepEqual(shop.loaded.sort(), loads);
});

Deno.test("what a view's check refuses is not built from it in a run without the view", async () => {
  await using shop = await PartialRuns.create();
  const models = {
    shown:
      "/* @sluice\nmaterialized: view\ncolumns: { x: { checks: [{ accepted_values: [a] }] } }\n*/ SELECT id, x FROM raw.events",
    over: "/* @sluice\nmaterialized: view\n*/ SELECT id, x FROM shown",
    kept: "SELECT id, x FROM over",
  };
  equal((await shop.run(models, ["kept"])).error, undefined);
  shop.values = [[1, "b"]];
  const failed = await shop.run(models, ["kept"]);
  equal(statesOf(failed)["check:shown.accepted_values_x"], "failed");
  const partial = await shop.run(models, ["kept"], { select: "kept" });
  deepEqual(statesOf(partial), {
    "check:shown.accepted_values_x": "failed",
    "model:kept": "skipped",
    "load:kept→it": "skipped",
  });
  deepEqual(shop.loaded, []);
});
