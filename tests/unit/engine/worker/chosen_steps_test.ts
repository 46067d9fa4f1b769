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

Deno.test("check: runs checks alone, on tables as they are, and a check that fails fails the run", async () => {
  await using shop = await PartialRuns.create();
  const header =
    "/* @sluice\nmaterialized: KIND\ncolumns: { id: { checks: [unique, { range: { max: 1 } }] } }\n*/ ";
  const models = {
    kept: header.replace("KIND", "table") + "SELECT id FROM raw.events",
    shown: header.replace("KIND", "view") + "SELECT id FROM kept",
    inline: header.replace("KIND", "ephemeral") + "SELECT id FROM kept",
    last: "SELECT id FROM inline",
  };
  match(
    messageOf(await shop.run(models, [], { select: "check:kept" })),
    /Cannot check kept alone: main\.kept is not in the warehouse yet.*--select "\+kept"/,
  );
  equal((await shop.run(models, ["kept"])).error, undefined);
  shop.values = [[2, "b"], [2, "c"]];
  equal((await shop.run(models, [], { select: "raw.events" })).error, undefined);
  const passed = await shop.run(models, ["kept"], { select: "check:*" });
  equal(passed.error, undefined);
  deepEqual(statesOf(passed), {
    "check:kept.unique_id": "succeeded",
    "check:kept.range_id": "succeeded",
    "check:shown.unique_id": "succeeded",
    "check:shown.range_id": "succeeded",
    "check:inline.unique_id": "succeeded",
    "check:inline.range_id": "succeeded",
  }, "nothing is built, and nothing is loaded");
  deepEqual(shop.loaded, []);
  const both = await shop.run(models, ["kept"], { select: "kept check:kept check:shown.unique_id" });
  deepEqual(statesOf(both)["model:kept"], "failed", "a check of what is built is no second step");
  const stricter = { ...models, kept: models.kept.replace("max: 1", "max: 0") };
  const failed = await shop.run(stricter, [], { select: "check:kept" });
  match(messageOf(failed), /range\(id\): 1 of 1 row/);
  deepEqual(statesOf(failed), { "check:kept.unique_id": "succeeded", "check:kept.range_id": "failed" });
});
