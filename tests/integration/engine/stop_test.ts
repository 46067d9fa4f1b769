import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { LogLine, RunDetail } from "../../../contract/run.ts";
import { startPostgresWithTls } from "../../support/postgres.ts";
import { ENDLESS, NONE_READY, ONE_THREAD, PATIENCE_MS, Served } from "../../support/served_project.ts";
import { waitFor } from "../../support/sluice_server.ts";

/** What stops a run, or a step of it, and how soon. */

/** Of so many tries the fastest counts: a busy machine makes each slower, none faster. */
const TRIES = 4;

Deno.test("cancel stops DuckDB, a query of PostgreSQL and a script within a second, and leaves no process", async () => {
  await using postgres = await startPostgresWithTls();
  await using database = await postgres.createDatabase();
  const { folder, port, user, password } = postgres;
  await using served = await Served.start({
    "connectors.yaml":
      `shop: { type: postgres, host: "${folder}", port: ${port}, user: "${user}", password: "${password}", ` +
      `database: "${database.name}" }\n`,
    "pipelines/duck.yaml": ONE_THREAD,
    "transforms/duck/slow.sql": ENDLESS,
    "pipelines/query.yaml":
      'extract: { slow: { connector: shop, query: "SELECT 1 AS n FROM pg_sleep(600)" } }\n',
    "pipelines/script.yaml": "extract: { slow: { script: scripts/slow.ts, timeout: 10m } }\n",
    "scripts/slow.ts":
      "export default async function* (ctx) { ctx.log.info('begun'); yield { n: 1 }; for (;;); }\n",
  }, NONE_READY);
  const { server } = served;
  const isAtWork: Record<string, (run: RunDetail) => Promise<boolean>> = {
    duck: () => Promise.resolve(true),
    query: async () => {
      const [row] = await database.sql.unsafe(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND state = 'active' AND pid <> pg_backend_pid()",
      );
      return row?.["n"] > 0;
    },
    script: async (run) => {
      const lines = await server.call<LogLine[]>("GET", `/api/runs/${run.id}/logs`);
      return lines.some(({ message }) => message.includes("begun"));
    },
  };
  for (const [pipeline, isBusy] of Object.entries(isAtWork)) {
    let fastestMs = Infinity;
    for (let number = 0; number < TRIES && fastestMs >= 1_000; number++) {
      const run = await server.trigger(pipeline);
      const step = pipeline === "duck" ? "model:slow" : "extract:slow";
      const begun = await served.untilRunning(run.id, step);
      ok(await waitFor(async () => await isBusy(begun) || undefined, PATIENCE_MS), pipeline);
      const askedMs = Date.now();
      const ended = await served.cancel(run.id);
      deepEqual([ended.state, ended.error?.code], ["cancelled", "cancelled"], pipeline);
      fastestMs = Math.min(fastestMs, Date.parse(ended.finished_at ?? "") - askedMs);
    }
    ok(fastestMs < 1_000, `${pipeline} took ${fastestMs} ms to stop`);
    equal(await isAtWork["query"]?.(await server.run((await served.runs(pipeline))[0]?.id ?? "")), false);
    ok(await waitFor(async () => await server.runProcess() === undefined || undefined, PATIENCE_MS));
  }
});

Deno.test("a step that takes longer than it may ends the attempt, which says so", async () => {
  await using served = await Served.start({
    "pipelines/slow.yaml": `${ONE_THREAD}steps: { timeout: 1s }\n`,
    "transforms/slow/endless.sql": ENDLESS,
  }, NONE_READY);
  const run = await served.runToEnd("slow");
  deepEqual([run.state, run.error?.code, run.attempt], ["failed", "timeout", 1]);
  match(run.error?.message ?? "", /^model:endless took longer than its timeout of 1s$/);
  deepEqual(run.steps.map(({ name, state }) => [name, state]), [["model:endless", "failed"]]);
});
