import { deepEqual, equal, match } from "node:assert/strict";
import type { RunJob } from "../../../../contract/jobs/run_job.ts";
import { type Attempt, JobProject } from "./job_fixture.ts";

const HEADER = "materialized: incremental\nprimary_key: [id]\n";
const model = (sql: string, header = HEADER) => `/* @sluice\n${header}*/\n${sql}`;

/** Runs of one pipeline after the other, each with the models that it has then. */
class Runs implements AsyncDisposable {
  readonly #project: JobProject;
  #count = 0;

  private constructor(project: JobProject) {
    this.#project = project;
  }

  static async create(): Promise<Runs> {
    return new Runs(await JobProject.create());
  }

  async run(models: Record<string, string>, more: Partial<RunJob> = {}): Promise<Attempt> {
    this.#count += 1;
    const system = {
      read: () => {
        throw new Error("no stream");
      },
    };
    return await this.#project.attempt(system, {}, models, { runId: `run${this.#count}`, ...more });
  }

  async succeed(models: Record<string, string>, more: Partial<RunJob> = {}): Promise<string[]> {
    const attempt = await this.run(models, more);
    equal(attempt.error, undefined, String(attempt.error));
    return warningsOf(attempt);
  }

  /** The message of a run that has to fail. */
  async refuse(models: Record<string, string>, more: Partial<RunJob> = {}): Promise<string> {
    const { error } = await this.run(models, more);
    return error instanceof Error ? error.message : "it did not fail";
  }

  async table(name: string): Promise<unknown[][]> {
    return (await this.#project.rows(`FROM ${name} ORDER BY ALL`)).map((row) => Object.values(row));
  }

  async tables(): Promise<unknown[]> {
    const rows = await this.#project.rows(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY name",
    );
    return rows.map(({ name }) => name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#project[Symbol.asyncDispose]();
  }
}

const warningsOf = ({ reports }: Attempt): string[] =>
  reports.flatMap((report) => report.type === "log" && report.level === "warn" ? [report.message] : []);

Deno.test("comments, white space, the case of words and what only checks is no change", async () => {
  await using runs = await Runs.create();
  await runs.succeed({ m: model("SELECT 1 AS id, 'A' AS x FROM range(1)") });
  deepEqual(
    await runs.succeed({
      m: model(
        "-- a comment\nselect 1 as ID,\n       'A' as x -- another\n  from range ( 1 );\n",
        `description: said\ntags: [new]\ncolumns: { x: { checks: [not_null] } }\n${HEADER}`,
      ),
    }),
    [],
  );
  deepEqual(await runs.table("m"), [[1, "A"]]);
});

for (
  const [what, changed, expected] of [
    ["another text", model("SELECT 1 AS id, 'a' AS x"), /its SQL/],
    ["a new column", model("SELECT 2 AS id, 'A' AS x, 3 AS y"), /its SQL, column y is new/],
    ["a column less", model("SELECT 2 AS id"), /its SQL, column x is no longer in the query/],
    [
      "another key",
      model("SELECT 1 AS id, 'A' AS x", "materialized: incremental\nprimary_key: [id, x]\n"),
      /m\.sql:3:14: m has changed \(primary_key was id and is id, x\)/,
    ],
    [
      "an update_key",
      model("SELECT 1 AS id, 'A' AS x", `${HEADER}update_key: id\n`),
      /update_key was none and is id/,
    ],
    [
      "a table",
      "SELECT 1 AS id, 'A' AS x",
      /materialized was incremental and is table\), and 1 row that it has gathered would be dropped/,
    ],
    [
      "a view",
      model("SELECT 1 AS id, 'A' AS x", "materialized: view\n"),
      /materialized was incremental and is view/,
    ],
  ] as const
) {
  Deno.test(`an incremental model that becomes ${what} is refused with both ways out, and its rows stay`, async () => {
    await using runs = await Runs.create();
    await runs.succeed({ m: model("SELECT 1 AS id, 'A' AS x") });
    const message = await runs.refuse({ m: changed });
    match(message, expected);
    match(message, /--select m --full-refresh/);
    match(message, /on_change/);
    deepEqual(await runs.table("m"), [[1, "A"]]);
    match(await runs.refuse({ m: changed }), expected, "the next run, too");
    await runs.succeed({ m: changed }, { fullRefresh: true });
    equal((await runs.table("m")).length, 1);
    deepEqual(await runs.succeed({ m: changed }), []);
  });
}

Deno.test("on_change: append keeps the old rows and says so once; a new key must hold for them", async () => {
  await using runs = await Runs.create();
  const header = `${HEADER}on_change: append\n`;
  await runs.succeed({ m: model("SELECT * FROM (VALUES (1, 'a'), (2, 'a')) t(id, x)", header) });
  const changed = { m: model("SELECT 2 AS id, 'b' AS x, 5 AS y", header) };
  const warnings = await runs.succeed(changed);
  match(warnings.join("\n"), /2 rows of another definition stay, as on_change says: its SQL/);
  match(warnings.join("\n"), /New in the table: y; NULL in the rows that were there/);
  deepEqual(await runs.table("m"), [[1, "a", null], [2, "b", 5]]);
  deepEqual(await runs.succeed(changed), []);
  const key = { m: model("SELECT 7 AS id, 'b' AS x, 5 AS y", header.replace("[id]", "[y]")) };
  match(await runs.refuse(key), /the key \(y\) of m is NULL in 1 row/);
  deepEqual(await runs.table("m"), [[1, "a", null], [2, "b", 5]]);
});

Deno.test("on_change: full_refresh builds anew and says so", async () => {
  await using runs = await Runs.create();
  await runs.succeed({ m: model("SELECT 1 AS id") });
  const changed = model("SELECT 2 AS id", `${HEADER}on_change: full_refresh\n`);
  match((await runs.succeed({ m: changed })).join(), /Built anew, as on_change says: its SQL/);
  deepEqual(await runs.table("m"), [[2]]);
  const table = model("SELECT 3 AS id", "on_change: full_refresh\n");
  await runs.succeed({ m: table });
  deepEqual(await runs.table("m"), [[3]]);
});

Deno.test("columns that an incremental SELECT * loses are refused, those that it gains are told", async () => {
  await using runs = await Runs.create();
  const told = async (models: Record<string, string>) =>
    (await runs.succeed(models)).filter((line) => !line.includes("before source changed"));
  const star = model("FROM source");
  await runs.succeed({ source: "SELECT 1 AS id, 'a' AS x", m: star });
  deepEqual(await told({ source: "SELECT 2 AS id, 'b' AS x, 1 AS y", m: star }), [
    "New in the table: y; NULL in the rows that were there",
  ]);
  const less = { source: "SELECT 2 AS id, 1 AS y", m: star };
  match(await runs.refuse(less), /m has changed \(column x is no longer in the query\)/);
  deepEqual(await runs.table("m"), [[1, "a", null], [2, "b", 1]]);
  const append = { ...less, m: model("FROM source", `${HEADER}on_change: append\n`) };
  deepEqual(await told(append), []);
  deepEqual(await runs.table("m"), [[1, "a", null], [2, null, 1]]);
  deepEqual(await told({ ...less, m: star }), [], "what is known to be gone is no change");
});

Deno.test("what was a table or a view before becomes an incremental one from nothing; so does an empty one", async () => {
  await using runs = await Runs.create();
  await runs.succeed({ m: "SELECT * FROM (VALUES (1, 'a'), (1, 'b')) t(id, x)" });
  await runs.succeed({ m: model("SELECT 1 AS id, 'c' AS x") });
  deepEqual(await runs.table("m"), [[1, "c"]]);
  await runs.succeed({ e: model("SELECT 1 AS id WHERE false") });
  await runs.succeed({ e: model("SELECT 2 AS id, 1 AS x") });
  deepEqual(await runs.table("e"), [[2, 1]]);
});

Deno.test("a model that reads itself gains a column and keeps its history", async () => {
  await using runs = await Runs.create();
  const header = (more: string) =>
    `materialized: incremental\nprimary_key: [id]\non_change: append\ncolumns: { id: { type: INTEGER }${more} }\n`;
  const first = model("SELECT coalesce(max(id), 0)::INTEGER + 1 AS id FROM m", header(""));
  await runs.succeed({ m: first });
  await runs.succeed({ m: first });
  deepEqual(await runs.table("m"), [[1], [2]]);
  const sql = "SELECT coalesce(max(id), 0)::INTEGER + 1 AS id, count(x) AS x FROM m";
  await runs.succeed({ m: model(sql, header(", x: { type: BIGINT }")) });
  deepEqual(await runs.table("m"), [[1, null], [2, null], [3, 0]]);
  await runs.succeed({ m: model(sql, header(", x: { type: BIGINT }")) });
  deepEqual(await runs.table("m"), [[1, null], [2, null], [3, 0], [4, 1]]);
});

Deno.test("a renamed incremental model is found, takes its rows along, or begins anew", async () => {
  await using runs = await Runs.create();
  await runs.succeed({ old: model("SELECT 1 AS id") });
  const message = await runs.refuse({ fresh: model("SELECT 1 AS id") });
  match(
    message,
    /fresh is the model old under another name.*renamed_from: old.*--select fresh --full-refresh/,
  );
  const renamed = { fresh: model("SELECT 1 AS id", `${HEADER}renamed_from: old\n`) };
  match((await runs.succeed(renamed)).join(), /Took over the table of old/);
  deepEqual(await runs.table("fresh"), [[1]]);
  deepEqual(await runs.tables(), ["fresh"]);
  match(
    await runs.refuse({ fresh: model("SELECT 2 AS id", `${HEADER}renamed_from: old\n`) }),
    /fresh has changed/,
  );
  deepEqual(await runs.succeed(renamed), []);
});

Deno.test("tables of models that are gone are dropped; gathered rows stay until a full refresh, and are told", async () => {
  await using runs = await Runs.create();
  const kept = "SELECT 1 AS id";
  await runs.succeed({ kept, t: kept, v: model(kept, "materialized: view\n"), i: model(kept) });
  deepEqual(await runs.tables(), ["i", "kept", "t", "v"]);
  await runs.succeed({ kept }, { select: "kept" });
  deepEqual(await runs.tables(), ["i", "kept", "t", "v"]);
  for (let again = 1; again <= 2; again++) {
    match(
      (await runs.succeed({ kept })).join(),
      /main\.i keeps 1 gathered rows, but no model makes it any more/,
    );
    deepEqual(await runs.tables(), ["i", "kept"]);
  }
  deepEqual(await runs.succeed({ kept }, { fullRefresh: true }), []);
  deepEqual(await runs.tables(), ["kept"]);
});

Deno.test("the primary_key of a table and of a view holds", async () => {
  await using runs = await Runs.create();
  const twice = "SELECT unnest([1, 1]) AS id";
  await runs.succeed({ m: model("SELECT 1 AS id", "primary_key: [id]\n") });
  match(
    await runs.refuse({ m: model(twice, "primary_key: [id]\n") }),
    /m\.sql:2:14: the key \(id\) of m comes more than once/,
  );
  deepEqual(await runs.table("m"), [[1]]);
  match(
    await runs.refuse({ v: model("SELECT NULL AS id", "materialized: view\nprimary_key: [id]\n") }),
    /is NULL in 1 row/,
  );
});

Deno.test("rows that were made before a table or view changed that an incremental model reads are told, once", async () => {
  await using runs = await Runs.create();
  const gathered = model("SELECT * FROM over");
  const over = model("SELECT * FROM base", "materialized: view\n");
  await runs.succeed({ base: "SELECT 1 AS id", over, gathered });
  deepEqual(await runs.succeed({ base: "SELECT  1 AS id -- the same", over, gathered }), []);
  const changed = { base: "SELECT 2 AS id", over, gathered };
  deepEqual(await runs.succeed(changed), [
    "Rows stay that were made before base changed, which it reads; a full refresh builds it anew",
  ]);
  deepEqual(await runs.succeed(changed), []);
  deepEqual(await runs.table("gathered"), [[1], [2]]);
});
