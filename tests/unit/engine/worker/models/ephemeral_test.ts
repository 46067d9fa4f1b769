import { deepEqual, equal, match } from "node:assert/strict";
import type { RunJob } from "../../../../../contract/jobs/run_job.ts";
import { type Attempt, JobProject, rows } from "../job_fixture.ts";

const EPHEMERAL = "/* @sluice\nmaterialized: ephemeral\n*/\n";
const VIEW = "/* @sluice\nmaterialized: view\n*/\n";

/** Runs of one pipeline over rows that the test changes. */
class Runs implements AsyncDisposable {
  readonly project: JobProject;
  values: [number, string][] = [[1, "a"], [2, "b"]];
  #runs = 0;

  private constructor(project: JobProject) {
    this.project = project;
  }

  static async create(): Promise<Runs> {
    return new Runs(await JobProject.create());
  }

  async attempt(models: Record<string, string>, more: Partial<RunJob> = {}): Promise<Attempt> {
    const { values } = this;
    const system = {
      async *read({ streams: [asked] }: { streams: readonly { name: string }[] }) {
        yield await Promise.resolve(rows(asked?.name ?? "", ...values));
      },
    };
    const definition = { resources: { threads: 4 }, extract: { events: { connector: "it" } } };
    return await this.project.attempt(system, definition, models, {
      runId: `run${this.#runs += 1}`,
      ...more,
    });
  }

  async succeed(models: Record<string, string>, more: Partial<RunJob> = {}): Promise<Attempt> {
    const attempt = await this.attempt(models, more);
    equal(attempt.error, undefined, String(attempt.error));
    return attempt;
  }

  async table(sql: string): Promise<unknown[][]> {
    return (await this.project.rows(sql)).map((row) => Object.values(row));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.project[Symbol.asyncDispose]();
  }
}

const MODELS = {
  upper: `${EPHEMERAL}SELECT id, upper(x) AS x FROM raw.events -- all of them;\n;`,
  longer: `${EPHEMERAL}SELECT id, x || x AS x FROM main.upper`.replace("main.", ""),
  kept: "SELECT * FROM longer ORDER BY id",
  qualified: "SELECT * FROM main.upper ORDER BY id",
  shown:
    `${VIEW}WITH one AS (SELECT * FROM longer) SELECT one.x, upper.id FROM one JOIN upper USING (id) ORDER BY id;`,
  gathered: "/* @sluice\nmaterialized: incremental\nprimary_key: [id]\n*/\nSELECT id, x FROM upper",
};

Deno.test("an ephemeral model is read by tables, views and others of its kind, and is nowhere itself", async () => {
  await using runs = await Runs.create();
  const attempt = await runs.succeed(MODELS);
  equal(attempt.steps.get("model:upper")?.state, "succeeded");
  deepEqual(await runs.table("FROM kept"), [[1, "AA"], [2, "BB"]]);
  deepEqual(await runs.table("FROM qualified"), [[1, "A"], [2, "B"]]);
  deepEqual(await runs.table("FROM shown"), [["AA", 1], ["BB", 2]], "by whoever opens the warehouse");
  deepEqual(await runs.table("FROM gathered ORDER BY id"), [[1, "A"], [2, "B"]]);
  deepEqual(
    (await runs.table("SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'")).flat()
      .sort(),
    ["gathered", "kept", "qualified", "shown"],
  );
  runs.values.push([3, "c"]);
  const alone = await runs.succeed(MODELS, { select: "raw.events kept" });
  equal(alone.steps.has("model:longer"), false);
  deepEqual(await runs.table("SELECT max(x) FROM kept"), [["CC"]]);
  deepEqual(await runs.table("SELECT max(x) FROM shown"), [["CC"]]);
});

Deno.test("a table that becomes ephemeral goes, and what reads an ephemeral model alone needs what that reads", async () => {
  await using runs = await Runs.create();
  match(
    String((await runs.attempt(MODELS, { select: "kept" })).error),
    /Cannot build kept alone: raw\.events is not/,
  );
  const { upper, kept } = MODELS;
  const asTable = { upper: upper.replace("ephemeral", "table"), longer: MODELS.longer, kept };
  await runs.succeed(asTable);
  equal((await runs.table("FROM upper")).length, 2);
  await runs.succeed({ ...asTable, upper });
  deepEqual(await runs.table("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'upper'"), [[0]]);
  deepEqual(await runs.table("FROM kept"), [[1, "AA"], [2, "BB"]]);
});

Deno.test("checks of an ephemeral model stop what reads it, and those of others may read it", async () => {
  await using runs = await Runs.create();
  const checked = {
    upper: MODELS.upper.replace("ephemeral\n", "ephemeral\ncolumns: { x: { checks: [not_null, unique] } }\n"),
    kept:
      `/* @sluice\nchecks: [{ sql: "SELECT * FROM kept JOIN longer USING (id) WHERE kept.x <> longer.x" }]\n*/\nSELECT * FROM longer`,
    longer: MODELS.longer,
  };
  await runs.succeed(checked);
  runs.values.push([3, "B"]);
  const failed = await runs.attempt(checked);
  match(String(failed.error), /unique\(x\): 1 value more than once/);
  equal(failed.steps.get("model:kept")?.state, "skipped");
  const partial = await runs.attempt(checked, { select: "kept" });
  match(String(partial.error), /unique\(x\)/, "also where it is not built anew, as with a view");
});

Deno.test("a fault of data in an ephemeral model shows at the model that reads it", async () => {
  await using runs = await Runs.create();
  const models = {
    cast: `${EPHEMERAL}SELECT x::INTEGER AS n FROM raw.events`,
    sum: "SELECT sum(n) AS s FROM cast",
  };
  const failed = await runs.attempt({ ...models, sum: 'SELECT sum(n) AS s FROM "cast"' });
  match(
    String(failed.error),
    /model:sum: Cannot build the model sum: .*Could not convert string 'a' to INT32/,
  );
});
