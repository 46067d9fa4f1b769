import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { attemptInProcess, succeed, type WorkerProject } from "../../support/worker_process.ts";

const STEP = "load:t→it";
const rows = (...values: readonly string[]) =>
  ({ t: `SELECT * FROM (VALUES ${values.map((value) => `(${value})`).join(", ")}) AS t(id, name)` }) as const;
const FIRST = rows("1, 'a'", "2, 'b'", "3, 'c'", "4, NULL");
const SECOND = rows("1, 'a'", "2, 'B'", "4, NULL", "5, 'e'");

class Project implements AsyncDisposable {
  readonly project: WorkerProject;
  readonly file: string;

  constructor(folder: string, keys: Readonly<Record<string, unknown>>) {
    this.file = join(folder, "project", "it.db");
    const target = {
      connector: "it",
      table: "t",
      mode: "merge",
      primary_key: ["id"],
      changed_only: true,
      ...keys,
    };
    this.project = {
      folder,
      connectors: { it: { type: "sqlite", path: "it.db" } },
      pipeline: { load: { t: target } },
    };
  }

  static async make(keys: Readonly<Record<string, unknown>> = { deletes: "hard" }): Promise<Project> {
    return new Project(await Deno.makeTempDir({ prefix: "sluice-changed-only-" }), keys);
  }

  /** How many rows a run sent. */
  async run(runId: string, models: Readonly<Record<string, string>>, attempt = 1): Promise<number | null> {
    const { steps } = await succeed(this.project, { runId, attempt, models });
    return steps.get(STEP)?.rows ?? null;
  }

  async die(runId: string, models: Readonly<Record<string, string>>, point: string): Promise<void> {
    const request = { runId, attempt: 1, models, dieAt: `${STEP} ${point}` };
    strictEqual((await attemptInProcess(this.project, request)).signal, "SIGKILL", point);
  }

  sql(sql: string) {
    using database = new DatabaseSync(this.file);
    return database.prepare(sql).all();
  }

  get rows(): string[] {
    return this.sql("SELECT id || ' ' || coalesce(name, 'NULL') AS text FROM t ORDER BY id")
      .map((row) => String(row?.["text"]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.project.folder, { recursive: true });
  }
}

Deno.test("changed_only sends what changed since the last load, and deletes what is gone", async () => {
  await using project = await Project.make();
  strictEqual(await project.run("a", FIRST), 4);
  const { steps } = await succeed(project.project, { runId: "b", attempt: 1, models: SECOND });
  const { rows: sent, inserted, updated, deleted } = steps.get(STEP) ?? {};
  deepStrictEqual([sent, inserted, updated, deleted], [2, 1, 1, 1]);
  deepStrictEqual(project.rows, ["1 a", "2 B", "4 NULL", "5 e"]);
  strictEqual(await project.run("c", SECOND), 0);
  strictEqual(await project.run("d", rows("1, 'a'", "2, NULL", "4, 'x'", "5, 'e'")), 2);
  deepStrictEqual(project.rows, ["1 a", "2 NULL", "4 x", "5 e"]);
});

Deno.test("changed_only leaves keys that are gone where deletes does not ask for them", async () => {
  await using project = await Project.make({});
  await project.run("a", FIRST);
  strictEqual(await project.run("b", SECOND), 2);
  deepStrictEqual(project.rows, ["1 a", "2 B", "3 c", "4 NULL", "5 e"]);
});

Deno.test("changed_only sends all after a load that took effect unnoticed, though the rows are back as they were", async () => {
  await using project = await Project.make();
  await project.run("a", FIRST);
  await project.die("b", SECOND, "after commit");
  deepStrictEqual(project.rows, ["1 a", "2 B", "4 NULL", "5 e"]);
  strictEqual(await project.run("c", FIRST), 4);
  deepStrictEqual(project.rows, ["1 a", "2 b", "3 c", "4 NULL"]);
  strictEqual(await project.run("d", SECOND), 2);
  deepStrictEqual(project.rows, ["1 a", "2 B", "4 NULL", "5 e"]);
});

for (
  const point of ["after note", "after claim", "after stage", "after apply", "before commit", "after commit"]
) {
  Deno.test(`changed_only of a run that died ${point} is right when it is tried again, and after that`, async () => {
    await using project = await Project.make();
    await project.run("a", FIRST);
    await project.die("b", SECOND, point);
    await project.run("b", SECOND, 2);
    deepStrictEqual(project.rows, ["1 a", "2 B", "4 NULL", "5 e"]);
    await project.run("c", FIRST);
    deepStrictEqual(project.rows, ["1 a", "2 b", "3 c", "4 NULL"]);
  });
}

Deno.test("changed_only sends all where the target is another, or another load came between", async () => {
  await using project = await Project.make();
  await project.run("a", FIRST);
  project.sql("DROP TABLE t");
  strictEqual(await project.run("b", FIRST), 4);
  const other = new Project(join(project.project.folder, "other"), {});
  const beside: WorkerProject = {
    ...other.project,
    projectDir: join(project.project.folder, "project"),
  };
  await Deno.mkdir(beside.folder, { recursive: true });
  await succeed(beside, { runId: "x", attempt: 1, models: rows("1, 'other'") });
  deepStrictEqual(project.rows, ["1 other", "2 b", "3 c", "4 NULL"]);
  strictEqual(await project.run("c", FIRST), 4);
  deepStrictEqual(project.rows, ["1 a", "2 b", "3 c", "4 NULL"]);
  strictEqual(await project.run("d", { t: `SELECT *, id = 2 AS more FROM (${FIRST.t})` }), 4);
});

Deno.test("changed_only refuses a key that comes twice, also where one of its rows was sent", async () => {
  await using project = await Project.make();
  await project.run("a", FIRST);
  const twice = { t: `${FIRST.t} UNION ALL SELECT 2, 'x'` };
  const { error } = await attemptInProcess(project.project, { runId: "b", attempt: 1, models: twice });
  ok(error?.message.includes("comes 2 times"), error?.message);
  strictEqual(await project.run("c", SECOND), 4);
});
