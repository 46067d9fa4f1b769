import { deepEqual, equal, match } from "node:assert/strict";
import type { RunJob } from "../../../../../contract/jobs/run_job.ts";
import { type Attempt, JobProject, rows } from "../job_fixture.ts";

/** A source of events, each of a day of January 1970, and a model that keeps them by day. */
class Days implements AsyncDisposable {
  /** By id: the day, counted from 1. */
  readonly events = new Map<number, number>();
  /** The query fails at this day's events. */
  broken = 0;
  #runs = 0;
  readonly #project: JobProject;

  private constructor(project: JobProject) {
    this.#project = project;
  }

  static async create(): Promise<Days> {
    return new Days(await JobProject.create());
  }

  async attempt(header: string, endDay: number, more: Partial<RunJob> = {}, models = {}): Promise<Attempt> {
    const all = [...this.events].map((
      [id, day],
    ): [number, string] => [id, day === this.broken ? `${day}!` : String(day)]);
    const system = {
      async *read({ streams: [asked] }: { streams: readonly { name: string }[] }) {
        yield await Promise.resolve(rows(asked?.name ?? "", ...all));
      },
    };
    const sql = `/* @sluice\nmaterialized: incremental\n${header}*/
      SELECT DATE '1969-12-31' + rtrim(x, '!')::INTEGER AS day, count(*) AS n,
        CASE WHEN max(x) LIKE '%!' THEN error('broken day') END AS fault
      FROM raw.events
      WHERE day >= getvariable('window_start')
        AND day < getvariable('window_end')
      GROUP BY ALL`;
    const definition = { extract: { events: { connector: "it" } } };
    const run = { runId: `run${this.#runs += 1}`, windowEndMs: endDay * DAY_MS, ...more };
    return await this.#project.attempt(system, definition, { daily: sql, ...models }, run);
  }

  async succeed(header: string, endDay: number, more: Partial<RunJob> = {}, models = {}): Promise<Attempt> {
    const attempt = await this.attempt(header, endDay, more, models);
    equal(attempt.error, undefined, String(attempt.error));
    return attempt;
  }

  /** `1:3 2:1` for three events on the first day and one on the second. */
  async table(name = "daily"): Promise<string> {
    const found = await this.#project.rows(
      `SELECT day - DATE '1969-12-31' AS day, n FROM ${name} ORDER BY day`,
    );
    return found.map(({ day, n }) => `${day}:${n}`).join(" ");
  }

  async tables(): Promise<unknown[]> {
    const found = await this.query(
      "SELECT table_name AS name FROM duckdb_tables() WHERE schema_name = 'main'",
    );
    return found.map(({ name }) => name).sort();
  }

  /** Raw rows are what an earlier attempt has read. */
  async mend(): Promise<void> {
    this.broken = 0;
    await this.query("UPDATE raw.events SET x = rtrim(x, '!')");
  }

  query(sql: string) {
    return this.#project.rows(sql);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#project[Symbol.asyncDispose]();
  }
}

const DAY_MS = 86_400_000;
const BATCHED = "strategy: delete_insert\nupdate_key: day\nbatch_size: 1d\nbegin: 1970-01-01\n";

const batchesOf = ({ reports }: Attempt): string[] =>
  reports.flatMap((report) => {
    if (report.type !== "log") return [];
    const [, batch] = /^Batch (\d+ of \d+), from 1970-01-\d\d/.exec(report.message) ?? [];
    return batch === undefined ? [] : [batch];
  });

Deno.test("a window is done in batches, and what comes late is found by the lookback", async () => {
  await using days = await Days.create();
  for (const [id, day] of [[1, 1], [2, 1], [3, 2], [4, 3], [5, 9]] as const) days.events.set(id, day);
  const first = await days.succeed(BATCHED, 3);
  deepEqual(batchesOf(first), ["1 of 3", "2 of 3", "3 of 3"]);
  deepEqual([await days.table(), first.steps.get("model:daily")?.rows], ["1:2 2:1 3:1", 3]);
  days.events.set(6, 4).set(7, 3).set(8, 1);
  deepEqual(batchesOf(await days.succeed(BATCHED, 4)), [], "one batch is the window itself");
  equal(await days.table(), "1:2 2:1 3:1 4:1");
  deepEqual(batchesOf(await days.succeed(`${BATCHED}lookback: 1\n`, 4.5)), ["1 of 2", "2 of 2"]);
  equal(await days.table(), "1:2 2:1 3:1 4:1", "the day before");
  await days.succeed(`${BATCHED}lookback: 2\n`, 4.6);
  equal(await days.table(), "1:2 2:1 3:2 4:1");
  deepEqual(await days.query("SELECT * FROM _sluice.model_batches"), []);
});

Deno.test("a window that was asked for is done again in whole batches, and nothing else is touched", async () => {
  await using days = await Days.create();
  for (let day = 1; day <= 6; day++) days.events.set(day, day);
  await days.succeed(BATCHED, 6);
  days.events.clear();
  for (let day = 1; day <= 6; day++) days.events.set(2 * day, day).set(2 * day + 1, day);
  const given = { isWindowGiven: true, windowStartMs: 1.5 * DAY_MS, select: "raw.events daily" };
  deepEqual(batchesOf(await days.succeed(BATCHED, 3.5, given)), ["1 of 3", "2 of 3", "3 of 3"]);
  equal(await days.table(), "1:1 2:2 3:2 4:2 5:1 6:1");
  await days.succeed(`${BATCHED}lookback: 3\n`, 4.5, { ...given, windowStartMs: 4 * DAY_MS });
  equal(await days.table(), "1:1 2:2 3:2 4:2 5:2 6:1");
  await days.succeed(BATCHED, 6);
  equal(await days.table(), "1:1 2:2 3:2 4:2 5:2 6:1", "and it has moved no window");
});

Deno.test("the next attempt of a run goes on behind the batches that are done, another run begins again", async () => {
  await using days = await Days.create();
  for (let day = 1; day <= 5; day++) days.events.set(day, day);
  await days.succeed(BATCHED, 2);
  days.events.set(11, 2).set(12, 3).set(13, 5);
  days.broken = 5;
  const failed = await days.attempt(BATCHED, 5, { runId: "again" });
  match(String(failed.error), /broken day/);
  equal(await days.table(), "1:1 2:1 3:2 4:1", "what is done stays");
  await days.mend();
  const retried = await days.succeed(BATCHED, 5, { runId: "again", attempt: 2 });
  deepEqual(batchesOf(retried), ["3 of 3"]);
  deepEqual(
    [await days.table(), retried.steps.get("model:daily")?.rows],
    ["1:1 2:1 3:2 4:1 5:2", 3],
    "the rows of all three",
  );

  days.broken = 8;
  days.events.set(20, 6).set(21, 7).set(22, 8);
  await days.attempt(BATCHED, 8, { runId: "left" });
  equal(await days.table(), "1:1 2:1 3:2 4:1 5:2 6:1 7:1");
  days.broken = 0;
  days.events.set(23, 6);
  deepEqual(batchesOf(await days.succeed(BATCHED, 8, { runId: "other" })), ["1 of 3", "2 of 3", "3 of 3"]);
  equal(await days.table(), "1:1 2:1 3:2 4:1 5:2 6:2 7:1 8:1");
  const late = await days.succeed(BATCHED, 8, { runId: "left", attempt: 2, isOvertaken: true });
  deepEqual(batchesOf(late), []);
  deepEqual(await days.query("SELECT * FROM _sluice.model_batches"), []);
});

Deno.test("what is built anew in batches takes the old table's place with the last one", async () => {
  await using days = await Days.create();
  for (let day = 1; day <= 4; day++) days.events.set(day, day);
  await days.succeed(BATCHED, 4);
  days.events.set(9, 1);
  days.broken = 4;
  const anew = { runId: "anew", fullRefresh: true };
  await days.attempt(BATCHED, 4, anew);
  equal(await days.table(), "1:1 2:1 3:1 4:1");
  deepEqual(await days.tables(), ["_sluice_build_daily", "daily"]);
  await days.mend();
  deepEqual(batchesOf(await days.succeed(BATCHED, 4, { ...anew, attempt: 2 })), ["4 of 4"]);
  equal(await days.table(), "1:2 2:1 3:1 4:1");
  deepEqual(await days.tables(), ["daily"]);

  days.broken = 2;
  await days.attempt(BATCHED, 4, { runId: "killed", fullRefresh: true });
  days.broken = 0;
  await days.succeed(BATCHED, 5);
  deepEqual(await days.tables(), ["daily"], "what another run left half built is gone");
});

Deno.test("a check that fails undoes the last batch, and the next run does the whole window again", async () => {
  await using days = await Days.create();
  for (let day = 1; day <= 4; day++) days.events.set(day, day);
  const checked = `${BATCHED}checks: [{ name: few, sql: "SELECT * FROM daily WHERE n > 1" }]\n`;
  await days.succeed(checked, 2);
  days.events.set(5, 3);
  const reader = { reader: "SELECT * FROM daily" };
  const failed = await days.attempt(checked, 4, {}, reader);
  match(String(failed.error), /few: 1 row/);
  equal(failed.steps.get("model:reader")?.state, "skipped");
  equal(await days.table(), "1:1 2:1 3:2", "the last batch is undone");
  days.events.delete(5);
  await days.succeed(checked, 4, {}, reader);
  equal(await days.table("reader"), "1:1 2:1 3:1 4:1");
});

Deno.test("full_refresh: false keeps the rows from a full refresh, and goes on with its own window", async () => {
  await using days = await Days.create();
  for (let day = 1; day <= 3; day++) days.events.set(day, day);
  const kept = `${BATCHED}full_refresh: false\n`;
  await days.succeed(kept, 2);
  days.events.clear();
  days.events.set(3, 3);
  const attempt = await days.succeed(kept, 3, { fullRefresh: true });
  equal(await days.table(), "1:1 2:1 3:1");
  match(
    attempt.reports.map((report) => report.type === "log" ? report.message : "").join("\n"),
    /Not built anew: its header says `full_refresh: false`/,
  );
  const changed = await days.attempt(kept.replace("batch_size: 1d\n", "partition_by: day\n"), 4);
  match(
    String(changed.error),
    /partition_by was none and is day.*It is not built anew: its header says `full_refresh: false`; or `on_change: append`/,
  );
});

Deno.test("appended rows come once, although what reads them is further behind", async () => {
  await using project = await JobProject.create();
  const events: [number, string][] = [[1, "1"]];
  let isOpen = true;
  const system = {
    async *read({ streams: [asked] }: { streams: readonly { name: string }[] }) {
      yield await Promise.resolve(rows(asked?.name ?? "", ...events));
    },
    load: () => {
      if (!isOpen) throw new Error("the destination is closed");
    },
  };
  const definition = {
    extract: { events: { connector: "it" } },
    load: { kept: { connector: "it", table: "kept" } },
  };
  const sql = `/* @sluice\nmaterialized: incremental\nstrategy: append\n*/
    SELECT id FROM raw.events
    WHERE (getvariable('window_start') IS NULL OR x::BIGINT >= epoch_ms(getvariable('window_start')))
      AND x::BIGINT < epoch_ms(getvariable('window_end'))`;
  const run = async (endMs: number, more: Partial<RunJob> = {}) =>
    await project.attempt(system, definition, { kept: sql }, {
      runId: `run${endMs}`,
      windowEndMs: endMs,
      ...more,
    });
  const ids = async () => (await project.rows("SELECT id FROM kept ORDER BY id")).map(({ id }) => id);
  await run(10);
  isOpen = false;
  events.push([2, "11"]);
  match(String((await run(20)).error), /closed/);
  events.push([3, "21"]);
  isOpen = true;
  equal((await run(30)).error, undefined);
  deepEqual(await ids(), [1, 2, 3], "the load lacked 2, the table did not");
  await run(20, { attempt: 2, isOvertaken: true });
  deepEqual(await ids(), [1, 2, 3], "nor does a late attempt add it again");
  await run(40, { fullRefresh: true });
  deepEqual(await ids(), [1, 2, 3]);
  const again = await run(30, { runId: "again", isWindowGiven: true, windowStartMs: 20 });
  match(
    String(again.error),
    /kept has the rows until 1970-01-01T00:00:00\.040Z, and strategy append would have those from 1970-01-01T00:00:00\.020Z/,
  );
  events.push([4, "45"]);
  equal((await run(50, { runId: "ahead", isWindowGiven: true, windowStartMs: 40 })).error, undefined);
  deepEqual(await ids(), [1, 2, 3, 4]);
  match(
    String((await run(80, { isWindowGiven: true, windowStartMs: 70 })).error),
    /has the rows until .*\.050Z/,
  );
  events.push([5, "55"]);
  equal((await run(90)).error, undefined);
  deepEqual(await ids(), [1, 2, 3, 4, 5], "what was asked for has moved the window");
});

Deno.test("a model that reads itself sees its earlier batches, also when it is built anew", async () => {
  await using days = await Days.create();
  for (let day = 1; day <= 4; day++) days.events.set(day, day);
  days.events.set(9, 2);
  const running = `/* @sluice
materialized: incremental
${BATCHED}columns: { day: { type: DATE }, n: { type: BIGINT } }
*/
SELECT DATE '1969-12-31' + x::INTEGER AS day,
  count(*) + coalesce((SELECT max(n) FROM running WHERE running.day < getvariable('window_start')), 0) AS n
FROM raw.events WHERE day >= getvariable('window_start') AND day < getvariable('window_end') GROUP BY day`;
  await days.succeed(BATCHED, 4, {}, { running });
  equal(await days.table("running"), "1:1 2:3 3:4 4:5");
  days.events.set(10, 1);
  await days.succeed(BATCHED, 4, { fullRefresh: true }, { running });
  equal(await days.table("running"), "1:2 2:4 3:5 4:6");
  days.events.set(11, 5);
  await days.succeed(BATCHED, 5, {}, { running });
  equal(await days.table("running"), "1:2 2:4 3:5 4:6 5:7");
});
