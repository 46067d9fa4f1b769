import { systemClock } from "../../../contract/clock.ts";
import { Egress } from "../../../engine/grants/egress/egress.ts";
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { connectors } from "../../../connectors/registry.ts";
import { AppError } from "../../../contract/errors.ts";
import { pipelineSchema } from "../../../contract/pipeline/pipeline.ts";
import { defaultPolicy } from "../../../engine/grants/policy.ts";
import { provide } from "../../../engine/grants/provide.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { attemptInProcess, type WorkerProject } from "../../support/worker_process.ts";

const models = { t: "SELECT range AS id FROM range(3)" };

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-user-sql-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const projectOf = (
  folder: string,
  connector: WorkerProject["connectors"][string],
  load: Readonly<Record<string, unknown>>,
): WorkerProject => ({
  folder,
  connectors: { it: connector },
  pipeline: { load: { t: { connector: "it", table: "t", ...load } } },
});

for (
  const [type, statement] of [
    ["sqlite", "ATTACH 'FILE' AS other"],
    ["sqlite", "VACUUM INTO 'FILE'"],
    ["duckdb", "ATTACH 'FILE' AS other"],
    ["duckdb", "COPY (SELECT 1) TO 'FILE'"],
    ["duckdb", "INSTALL httpfs"],
    ["duckdb", "SET enable_external_access = true"],
    ["duckdb", "SELECT * FROM read_text('/etc/passwd')"],
  ] as const
) {
  Deno.test(`pre_sql of ${type} does not get out of its database: ${statement}`, async () => {
    await withFolder(async (folder) => {
      const file = join(folder, "project", "outside");
      const sql = statement.replace("FILE", file);
      const project = projectOf(folder, { type, path: "it.db" }, { pre_sql: sql });
      const { error } = await attemptInProcess(project, { runId: "r", attempt: 1, models });
      ok(error?.message.includes("statement 1 of pre_sql"), JSON.stringify(error));
      await rejects(Deno.stat(file), Deno.errors.NotFound);
    });
  });
}

Deno.test("the operator's policy keeps loads from running SQL", async () => {
  await withFolder(async (folder) => {
    const definition = v.parse(pipelineSchema, {
      load: { t: [{ connector: "it", table: "t" }, { connector: "it", table: "u", post_sql: "SELECT 1" }] },
    });
    const context = {
      connectors,
      egress: new Egress(systemClock),
      references: { env: () => undefined, secrets: { get: () => Promise.resolve(undefined) } },
      policy: { ...defaultPolicy(folder), loadSql: false },
      projectDir: folder,
      dataDir: join(folder, "data"),
      programPaths: [],
      secretFolders: [],
    };
    const subject = { definition, connectors: { it: { type: "sqlite", path: "it.db" } } };
    const { refusals } = await provide(context, { ...subject, purpose: "check" });
    deepStrictEqual(refusals.map(({ place }) => place), [["load", "t", 1, "post_sql"]]);
    await rejects(
      provide(context, { ...subject, purpose: "run" }),
      (error) =>
        error instanceof AppError && error.code === "forbidden" && error.message.includes("load_sql"),
    );
  });
});

Deno.test("postgres: SQL of a load leaves no setting to the next, and a large load leaves statistics", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await withFolder(async (folder) => {
    const connector = { type: "postgres", url: database.url, max_connections: 1 };
    const load = { connector: "it", pre_sql: "SET search_path = nowhere; SET statement_timeout = '77min'" };
    const project: WorkerProject = {
      folder,
      connectors: { it: connector },
      pipeline: {
        load: {
          a: { ...load, table: "a" },
          b: {
            connector: "it",
            table: "b",
            post_sql: "CREATE TABLE public.seen AS SELECT current_setting('statement_timeout') AS v",
          },
        },
        resources: { threads: 1 },
      },
    };
    const large = { a: "SELECT range AS id FROM range(20000)", b: "SELECT max(id) AS id FROM a" };
    const { error, steps } = await attemptInProcess(project, { runId: "r", attempt: 1, models: large });
    strictEqual(error, null, JSON.stringify(error));
    strictEqual(steps.get("load:a→it")?.rows, 20_000);
    deepStrictEqual([...await database.sql`SELECT v FROM seen`].map(({ v }) => v), ["0"]);
    const [table] = await database.sql`SELECT reltuples FROM pg_class WHERE relname = 'a'`;
    strictEqual(Number(table?.["reltuples"]), 20_000);
    const copy = {
      ...project,
      pipeline: { load: { a: { ...load, table: "a", pre_sql: "COPY a FROM STDIN" } } },
    };
    const refused = await attemptInProcess(copy, { runId: "s", attempt: 1, models: large });
    ok(refused.error?.message.includes("rows come and go by the load itself"), refused.error?.message);
  });
});
