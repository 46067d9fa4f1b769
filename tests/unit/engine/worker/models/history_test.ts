import { deepEqual, equal, match } from "node:assert/strict";
import type { RunJob } from "../../../../../contract/jobs/run_job.ts";
import { type Attempt, JobProject } from "../job_fixture.ts";

const HEADER = "materialized: scd2\nprimary_key: [id]\n";
const system = {
  read: () => {
    throw new Error("no stream");
  },
};

async function withRuns(
  work: (runs: {
    run: (header: string, query: string, more?: Partial<RunJob>) => Promise<Attempt>;
    versions: () => Promise<string[]>;
  }) => Promise<void>,
): Promise<void> {
  await using project = await JobProject.create();
  let count = 0;
  await work({
    run: (header, query, more = {}) =>
      project.attempt(system, {}, { m: `/* @sluice\n${header}*/\n${query}` }, {
        runId: `run${count += 1}`,
        windowEndMs: count * 10,
        ...more,
      }),
    versions: async () =>
      (await project.rows(
        "SELECT id, v, epoch_ms(valid_from)::BIGINT AS f, epoch_ms(valid_to)::BIGINT AS t FROM m ORDER BY ALL",
      ))
        .map((row) => Object.values(row).join(" ")),
  });
}

const logOf = ({ reports }: Attempt): string =>
  reports.map((report) => report.type === "log" ? report.message : "").join("\n");

Deno.test("a history is gone on with by each run, not by a full refresh, unless its header says so", async () => {
  await withRuns(async ({ run, versions }) => {
    await run(HEADER, "SELECT 1 AS id, 'a' AS v");
    const kept = await run(`${HEADER}on_change: append\n`, "SELECT 1 AS id, 'b' AS v", { fullRefresh: true });
    equal(kept.error, undefined, String(kept.error));
    match(logOf(kept), /Not built anew: it is a history, and its header does not say `full_refresh: true`/);
    deepEqual(await versions(), ["1 a 10 20", "1 b 20 "]);
    const changed = await run(HEADER, "SELECT 1 AS id, 'c' AS v");
    match(
      String(changed.error),
      /m has changed \(its SQL\), and new rows.*It is not built anew: it is a history/,
    );
    const names = await run(
      `${HEADER}on_change: append\nscd2: { valid_to: until }\n`,
      "SELECT 1 AS id, 'c' AS v",
    );
    match(String(names.error), /the table m is no history, as it has no column until of one/);
    await run(`${HEADER}full_refresh: true\n`, "SELECT 1 AS id, 'c' AS v", { fullRefresh: true });
    deepEqual(await versions(), ["1 c 50 "]);
  });
});

Deno.test("a run for the past cannot say how rows are in a history, but rows with a time of their own can", async () => {
  await withRuns(async ({ run, versions }) => {
    await run(HEADER, "SELECT 1 AS id, 'a' AS v", { windowEndMs: 100 });
    const past = await run(HEADER, "SELECT 1 AS id, 'a' AS v", { windowEndMs: 50, isWindowGiven: true });
    match(
      String(past.error),
      /the history of m is known until 1970-01-01T00:00:00\.100Z, and this run is for/,
    );
    deepEqual(await versions(), ["1 a 100 "]);
  });
  await withRuns(async ({ run, versions }) => {
    const timed = `${HEADER}update_key: ts\non_change: append\n`;
    await run(timed, "SELECT 1 AS id, 'b' AS v, make_timestamp(80000) AS ts", { windowEndMs: 100 });
    const past = await run(timed, "SELECT 1 AS id, 'a' AS v, make_timestamp(30000) AS ts", {
      windowEndMs: 50,
    });
    equal(past.error, undefined, String(past.error));
    deepEqual(await versions(), ["1 a 30 80", "1 b 80 "]);
  });
});

Deno.test("gathered rows are not taken for a history, nor the other way about", async () => {
  await withRuns(async ({ run, versions }) => {
    const merged = "materialized: incremental\nprimary_key: [id]\non_change: append\n";
    await run(merged, "SELECT 1 AS id, 'a' AS v");
    const history = await run(`${HEADER}on_change: append\n`, "SELECT 1 AS id, 'a' AS v");
    match(String(history.error), /materialized was incremental and is scd2/);
    await run(`${HEADER}full_refresh: true\n`, "SELECT 1 AS id, 'a' AS v", { fullRefresh: true });
    deepEqual(await versions(), ["1 a 30 "]);
    match(
      String((await run(merged, "SELECT 1 AS id, 'a' AS v")).error),
      /materialized was scd2 and is incremental/,
    );
  });
});

Deno.test("two models that do not need one another are built at the same time", async () => {
  await using project = await JobProject.create();
  const heavy = (seed: number) => `SELECT sum(hash(i + ${seed})::DOUBLE) AS s FROM range(20000000) t(i)`;
  const attempt = await project.attempt(system, { resources: { threads: 2 } }, { a: heavy(1), b: heavy(2) });
  equal(attempt.error, undefined);
  const order = attempt.reports.flatMap((report) =>
    report.type === "step" && report.step.kind === "model" ? [report.step.state] : []
  );
  deepEqual(order, ["running", "running", "succeeded", "succeeded"]);
});
