import { deepEqual, equal, match } from "node:assert/strict";
import type { RunJob } from "../../../../../contract/jobs/run_job.ts";
import { type Attempt, JobProject } from "../job_fixture.ts";

const NO_STREAM = {
  read: () => {
    throw new Error("no stream");
  },
};

class Runs implements AsyncDisposable {
  readonly project: JobProject;
  #count = 0;

  private constructor(project: JobProject) {
    this.project = project;
  }

  static async create(): Promise<Runs> {
    return new Runs(await JobProject.create());
  }

  /** `files` by their paths in the project. */
  async run(files: Readonly<Record<string, string>>, more: Partial<RunJob> = {}): Promise<Attempt> {
    this.#count += 1;
    return await this.project.attempt(NO_STREAM, {}, {}, {
      runId: `run${this.#count}`,
      files: Object.entries(files).map(([path, content]) => ({ path, content })),
      ...more,
    });
  }

  async succeed(files: Readonly<Record<string, string>>): Promise<string[]> {
    const { error, reports } = await this.run(files);
    equal(error, undefined, String(error));
    return reports.flatMap((report) =>
      report.type === "log" && report.level === "warn" ? [report.message] : []
    );
  }

  async macros(): Promise<unknown[]> {
    const rows = await this.project.rows(
      `SELECT function_name AS name FROM duckdb_functions()
       WHERE database_name = current_database() AND NOT internal ORDER BY ALL`,
    );
    return rows.map(({ name }) => name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.project[Symbol.asyncDispose]();
  }
}

const MACROS = `CREATE MACRO net(g, rate := 0.25) AS g / factor(rate);
CREATE MACRO factor(rate) AS 1 + rate;
CREATE MACRO cheap(most) AS TABLE SELECT * FROM prices WHERE net(price) <= most;
CREATE MACRO lowest() AS (SELECT min(price) FROM prices);`;

const FILES = {
  "macros/money.sql": MACROS,
  "transforms/p/prices.sql": `/* @sluice
checks: [{ name: low, sql: SELECT * FROM prices WHERE price < lowest() }]
*/
SELECT i * 10 AS price FROM range(1, 5) r(i)`,
  "transforms/p/nets.sql": "SELECT price, net(price) AS net FROM prices",
  "transforms/p/cheapest.sql":
    "/* @sluice materialized: view */ SELECT price FROM cheap(16) WHERE price > lowest()",
};

Deno.test("a run builds tables, views and checks by the project's macros, on an empty warehouse", async () => {
  await using runs = await Runs.create();
  await runs.succeed(FILES);
  deepEqual(await runs.project.rows("SELECT net FROM nets ORDER BY 1"), [
    { net: 8 },
    { net: 16 },
    { net: 24 },
    { net: 32 },
  ]);
  // Another process reads the view, with the macros that it calls and no others.
  deepEqual(await runs.project.rows("FROM cheapest"), [{ price: 20 }]);
  deepEqual(await runs.macros(), ["cheap", "factor", "lowest", "net"]);
});

Deno.test("a view calls a macro as it is now, and what no view calls goes", async () => {
  await using runs = await Runs.create();
  await runs.succeed(FILES);
  const changed = MACROS.replace("net(g, rate := 0.25) AS g / factor(rate)", "net(g) AS g / 2.5");
  await runs.succeed({ ...FILES, "macros/money.sql": changed });
  deepEqual(await runs.project.rows("FROM cheapest ORDER BY 1"), [{ price: 20 }, { price: 30 }, {
    price: 40,
  }]);
  deepEqual(await runs.macros(), ["cheap", "lowest", "net"]);
  // A scalar macro becomes one of tables under its name.
  const turned = changed.replace(
    "lowest() AS (SELECT min(price) FROM prices)",
    "lowest() AS TABLE SELECT 10 AS p",
  );
  await runs.succeed({
    ...FILES,
    "macros/money.sql": turned,
    "transforms/p/prices.sql": "SELECT i * 10 AS price FROM range(1, 5) r(i)",
    "transforms/p/cheapest.sql":
      "/* @sluice materialized: view */ SELECT price FROM cheap(16), lowest() WHERE price > p",
  });
  deepEqual(await runs.project.rows("SELECT count(*) AS n FROM cheapest"), [{ n: 3 }]);
  const { "transforms/p/cheapest.sql": _, ...tables } = FILES;
  await runs.succeed(tables);
  deepEqual(await runs.macros(), []);
});

Deno.test("a changed macro is a change of the incremental models that call it", async () => {
  await using runs = await Runs.create();
  const files = (rate: string, comment = "") => ({
    "macros/m.sql": `CREATE MACRO net(g) AS g / ${rate}; ${comment}`,
    "transforms/p/m.sql":
      `/* @sluice\nmaterialized: incremental\nprimary_key: [id]\n*/ SELECT 1 AS id, net(3) AS x`,
  });
  await runs.succeed(files("2"));
  await runs.succeed(files("2  /* per cent */", "-- said"));
  const { error } = await runs.run(files("4"));
  match(String(error), /Cannot build .*the macro net/);
});

Deno.test("a run names the place in the macro's file where its SQL does not bind any more", async () => {
  await using runs = await Runs.create();
  const { error } = await runs.run({
    "macros/m.sql": "CREATE MACRO newest() AS (\n  SELECT max(dya) FROM days\n);",
    "transforms/p/days.sql": "SELECT DATE '2024-01-01' AS day",
    "transforms/p/m.sql": "SELECT newest() AS d",
  });
  match(String(error), /Cannot make the macro newest: macros\/m\.sql:2:14: column "dya" does not exist/);
});

Deno.test("a run refuses what a macro may not call, before its first step", async () => {
  await using runs = await Runs.create();
  const { error, reports } = await runs.run({
    "macros/m.sql": "CREATE MACRO read(p) AS TABLE SELECT * FROM read_text(p)",
    "transforms/p/first.sql": "SELECT 1 AS x",
    "transforms/p/m.sql": "SELECT * FROM read('/etc/passwd')",
  });
  match(String(error), /macros\/m\.sql:1:45: read_text\(\) cannot be called here/);
  equal(reports.some(({ type }) => type === "step"), false);
});
