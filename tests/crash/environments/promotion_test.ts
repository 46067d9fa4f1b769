import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { PromotedWarehouse } from "../../../contract/jobs/run_job.ts";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../../support/worker_process.ts";

/**
 * A run that takes tables over from an environment dies at named points and at any moment: production has all of the old
 * tables or all of the new ones, and the next attempt leaves the new ones, loaded.
 */

const header = "/* @sluice\ncolumns: { n: { checks: [unique] } }\n*/\n";
const modelsOf = (version: number) => ({
  first: `${header}SELECT i AS n, hash(i * ${version}) AS h FROM range(200000) AS t(i)`,
  second: `SELECT n % 97 AS k, count(*) AS n, sum(h % 1000) AS h FROM first GROUP BY ALL`,
  shown: "/* @sluice\nmaterialized: view\n*/\nSELECT * FROM second WHERE k > 50",
  third: `SELECT k % 7 AS k, sum(n)::BIGINT AS n, sum(h)::BIGINT + ${version} AS h FROM shown GROUP BY ALL`,
});
const TABLES = ["first", "second", "third"];

async function project(folder: string): Promise<WorkerProject> {
  await Deno.mkdir(join(folder, "project"), { recursive: true });
  const connectors = { files: { type: "file" } };
  return {
    folder,
    connectors,
    pipeline: { transform: "p", load: { third: { connector: "files", path: "out.csv" } } },
  };
}

/** Hashes of the tables, and by which run each was made last. */
interface Content {
  readonly rows: unknown[];
  readonly runs: unknown[];
}

async function contentOf(folder: string): Promise<Content> {
  const path = join(folder, "data", "p.duckdb");
  await using database = await openDatabase({ path, allowedDirectories: [folder] });
  await using session = await database.session();
  const rows = [];
  for (const name of TABLES) {
    rows.push(...await session.rows(`SELECT sum(hash(t)) AS h, count(*) AS n FROM ${name} AS t`));
  }
  const runs = await session.rows(
    "SELECT model, run_id FROM _sluice.models WHERE model <> 'shown' ORDER BY model",
  );
  return { rows, runs: runs.map(({ run_id: run }) => run) };
}

const WAYS = [
  { dieAt: "model:first before commit" },
  { dieAt: "promotion before commit" },
  { dieAt: "promotion after commit" },
  { dieAt: "load:third→files after stage" },
  { killAfterMs: 300 },
  { killAfterMs: 500 },
] as const;

Deno.test("a promotion that dies at any point leaves production with the old tables or the new ones, all of them", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-promotion-" });
  try {
    const production = await project(join(folder, "production"));
    await succeed(production, { runId: "v0", attempt: 1, models: modelsOf(0) });
    const environments: {
      readonly models: ReturnType<typeof modelsOf>;
      readonly promotes: PromotedWarehouse;
      readonly content: Content;
    }[] = [];
    for (const version of [1, 2]) {
      const dev = await project(join(folder, `dev${version}`));
      const models = modelsOf(version);
      await succeed(dev, { runId: `dev${version}`, attempt: 1, models });
      const promotes: PromotedWarehouse = { environment: "dev", path: join(dev.folder, "data", "p.duckdb") };
      environments.push({ models, promotes, content: await contentOf(dev.folder) });
    }
    let before = await contentOf(production.folder);
    for (const [index, way] of WAYS.entries()) {
      const environment = environments[index % 2];
      if (environment === undefined) throw new Error("there are two environments");
      const { content: there, models, promotes } = environment;
      const request = { runId: `promotion${index}`, models, promotes };
      const died = await attemptInProcess(production, { ...request, attempt: 1, ...way });
      if ("dieAt" in way) equal(died.signal, "SIGKILL", `${way.dieAt}: ${died.log.join("\n")}`);
      const then = await contentOf(production.folder);
      const isNew = then.runs.includes(request.runId);
      deepEqual(then.rows, isNew ? there.rows : before.rows, JSON.stringify(way));
      if ("dieAt" in way) equal(isNew, !way.dieAt.includes("before commit"), way.dieAt);

      const ended = await succeed(production, { ...request, attempt: 2 });
      const after = await contentOf(production.folder);
      deepEqual(after.rows, there.rows, JSON.stringify(way));
      deepEqual(after.runs, TABLES.map(() => request.runId));
      equal(ended.steps.get("load:third→files")?.state, "succeeded");
      match(await Deno.readTextFile(join(production.folder, "project", "out.csv")), /^k,n,h\n/);
      before = after;
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what a check refuses is not taken over, nor anything beside it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-promotion-" });
  try {
    const production = await project(join(folder, "production"));
    const dev = await project(join(folder, "dev"));
    const withCheck = (check: string) => ({
      ...modelsOf(1),
      third: `/* @sluice\nchecks: [{ name: held, sql: "${check}" }]\n*/\n${modelsOf(1).third}`,
    });
    await succeed(production, { runId: "v0", attempt: 1, models: modelsOf(0) });
    const before = await contentOf(production.folder);
    // It passes in dev alone: run ids are the run's own.
    const models = withCheck("SELECT 1 WHERE getvariable('run_id') = 'promotion'");
    await succeed(dev, { runId: "dev", attempt: 1, models });
    const promotes = { environment: "dev", path: join(dev.folder, "data", "p.duckdb") };
    const request = { models, attempt: 1, promotes };
    const refused = await attemptInProcess(production, { ...request, runId: "promotion" });
    match(refused.error?.message ?? "", /Nothing was taken over, as checks failed: check:third\.held/);
    deepEqual(
      [...refused.steps].map(([name, { state }]) => [name, state]).filter(([, state]) => state !== "failed"),
      [["check:first.unique_n", "succeeded"]],
    );
    deepEqual(await contentOf(production.folder), before);
    await succeed(production, { ...request, runId: "another" });

    // A table that somebody else has changed since is not what its run left.
    const path = join(dev.folder, "data", "p.duckdb");
    {
      await using database = await openDatabase({ path, allowedDirectories: [folder] });
      await using session = await database.session();
      await session.run("UPDATE first SET h = 0 WHERE n = 7");
    }
    await succeed(production, { runId: "back", attempt: 1, models: modelsOf(0) });
    const taken = await succeed(production, { ...request, runId: "last" });
    ok(
      taken.log.some((line) =>
        line.includes("first is built by the next run: its table in dev is not as its run left it")
      ),
    );
    ok(
      taken.log.some((line) =>
        line.includes("third is built by the next run: it reads shown, which is built")
      ),
    );
    equal(taken.steps.size, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
