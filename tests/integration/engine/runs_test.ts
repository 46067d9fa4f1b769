import { deepEqual, equal, fail, match, notEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import type { LogLine, Run, RunDetail } from "../../../contract/run.ts";
import type { Problem } from "../../../server/http/problem.ts";
import { destinationRows } from "../../support/destination_rows.ts";
import { waitFor } from "../../support/sluice_server.ts";
import {
  ENDLESS,
  NONE_READY,
  ONE_THREAD,
  PATIENCE_MS,
  Served,
  states,
  step,
} from "../../support/served_project.ts";

/** Runs through a server's API, as a script of a user's sees them. */

const ORDERS = "id,region,amount\n1,eu,10\n2,us,20\n3,eu,30\n";

Deno.test("a run tells its steps in order, their rows, times and SQL, and what they waited for", async () => {
  await using shop = await Served.start({
    "data/orders.csv": ORDERS,
    "pipelines/shop.yaml": `
extract: { orders: { connector: files, path: data/orders.csv } }
load: { totals: { connector: lite, table: totals } }
`,
    "transforms/shop/totals.sql": `/* @sluice
columns: { region: { checks: [not_null, unique] } }
*/
SELECT region, sum(amount)::BIGINT AS amount FROM raw.orders GROUP BY region
`,
  });
  const queued = await shop.server.trigger("shop");
  ok(["queued", "running"].includes(queued.state));
  const run = await shop.server.ended(queued.id, PATIENCE_MS);
  equal(run.state, "succeeded", JSON.stringify(run.error));
  deepEqual(
    run.steps.map(({ name, kind, state, rows, attempt }) => ({ name, kind, state, rows, attempt })),
    [
      { name: "extract:orders", kind: "extract", state: "succeeded", rows: 3, attempt: 1 },
      { name: "model:totals", kind: "model", state: "succeeded", rows: 2, attempt: 1 },
      { name: "check:totals.not_null_region", kind: "check", state: "succeeded", rows: 0, attempt: 1 },
      { name: "check:totals.unique_region", kind: "check", state: "succeeded", rows: 0, attempt: 1 },
      { name: "load:totals→lite", kind: "load", state: "succeeded", rows: 2, attempt: 1 },
    ],
  );
  deepEqual(step(run, "model:totals").depends, ["extract:orders"]);
  match(step(run, "model:totals").sql ?? "", /sum\(amount\)/);
  for (const { started_at, finished_at, duration_ms, name } of run.steps) {
    ok(Date.parse(finished_at ?? "") >= Date.parse(started_at ?? ""), name);
    ok(duration_ms !== null && duration_ms >= 0, name);
  }
  equal(run.rows_extracted, 3);
  equal(run.rows_loaded, 2);
  equal(run.attempt, 1);
  equal(run.trigger, "api");
  ok((run.peak_rss_bytes ?? 0) > 10_000_000);
  ok((run.duration_ms ?? -1) > 0);
  equal(run.window_start, null);
  const second = await shop.succeed("shop");
  equal(second.window_start, run.window_end, "a window begins where the last one ended");
  deepEqual((await shop.runs("shop")).map(({ id }) => id), [second.id, run.id]);
});

Deno.test("params reach the SQL in their types; unknown, missing and wrong ones are refused with 400", async () => {
  await using shop = await Served.start({
    "pipelines/shop.yaml": `
params:
  region: { type: string, default: eu }
  least: { type: integer, default: 5 }
  share: { type: number, default: 0.5 }
  full: { type: boolean, default: false }
  day: { type: date }
  since: { type: timestamp, default: "2024-01-31T12:00:00Z" }
  kind: { enum: [a, b], default: a }
`,
    "transforms/shop/given.sql": `SELECT ${
      ["region", "least", "share", "full", "day", "since", "kind"]
        .map((name) =>
          `getvariable('${name}') AS "${name}", typeof(getvariable('${name}')) AS "${name}_type"`
        )
        .join(", ")
    }\n`,
  });
  const refuse = async (params: unknown) => {
    const problem = await shop.server.call<Problem>("POST", "/api/pipelines/shop/runs", { params }, [400]);
    equal(problem.code, "invalid");
    return problem.detail;
  };
  match(await refuse({}), /day has no value and no default/);
  match(await refuse({ day: "2024-02-29", regoin: "us" }), /no param regoin.*region/);
  match(await refuse({ day: "2023-02-29" }), /day must be a date/);
  match(await refuse({ day: "2024-02-29", least: 1.5 }), /least must be a whole number/);
  match(await refuse({ day: "2024-02-29", kind: "c" }), /kind must be one of a, b/);
  match(await refuse({ day: null }), /day must have a value/);
  deepEqual(await shop.runs("shop"), [], "what was refused left no run");

  const hostile = `'; DROP TABLE x; -- "\${secret:X}" ☃`;
  const run = await shop.succeed("shop", {
    params: { region: hostile, least: "9223372036854775807", full: true, day: "2024-02-29" },
  });
  deepEqual(run.params, {
    region: hostile,
    least: "9223372036854775807",
    share: 0.5,
    full: true,
    day: "2024-02-29",
    since: "2024-01-31T12:00:00Z",
    kind: "a",
  });
  deepEqual(await shop.warehouse("shop", "SELECT * REPLACE (since AT TIME ZONE 'UTC' AS since) FROM given"), [
    [
      hostile,
      "VARCHAR",
      "9223372036854775807",
      "BIGINT",
      "0.5",
      "DOUBLE",
      "true",
      "BOOLEAN",
      "2024-02-29",
      "DATE",
      "2024-01-31 12:00:00",
      "TIMESTAMP WITH TIME ZONE",
      "a",
      "VARCHAR",
    ],
  ]);
});

Deno.test("select runs a part of the steps: a model, +model with what it needs, tag:name, -x for without", async () => {
  await using shop = await Served.start({
    "data/orders.csv": ORDERS,
    "pipelines/shop.yaml": `
extract:
  orders: { connector: files, path: data/orders.csv }
  others: { connector: files, path: data/orders.csv, tags: [slow] }
load:
  by_region: { connector: lite, table: by_region }
  other: { connector: lite, table: other }
`,
    "transforms/shop/big.sql": "SELECT * FROM raw.orders WHERE amount > 15\n",
    "transforms/shop/by_region.sql": "SELECT region, count(*) AS n FROM big GROUP BY region\n",
    "transforms/shop/other.sql": "/* @sluice\ntags: [slow]\n*/\nSELECT * FROM raw.others\n",
  });
  const names = async (select: string) =>
    (await shop.succeed("shop", { select })).steps.map(({ name }) => name);
  deepEqual(await names("+by_region"), [
    "extract:orders",
    "model:big",
    "model:by_region",
    "load:by_region→lite",
  ]);
  deepEqual(await names("by_region"), ["model:by_region", "load:by_region→lite"]);
  deepEqual(await names("tag:slow"), ["extract:others", "model:other", "load:other→lite"]);
  deepEqual(await names("raw.orders+"), [
    "extract:orders",
    "model:big",
    "model:by_region",
    "load:by_region→lite",
  ]);
  deepEqual(await names("-tag:slow -raw.orders"), [
    "model:big",
    "model:by_region",
    "load:by_region→lite",
  ]);
});

Deno.test("full_refresh builds incremental streams and models from nothing", async () => {
  await using shop = await Served.start({
    "data/orders.csv": "id,day\n1,2024-01-01\n2,2024-01-02\n",
    "pipelines/shop.yaml": `
extract:
  orders:
    { connector: files, path: data/orders.csv, mode: incremental, primary_key: [id], update_key: day }
`,
    "transforms/shop/days.sql": `/* @sluice
materialized: incremental
primary_key: [day]
update_key: day
*/
SELECT day, count(*) AS n FROM raw.orders WHERE getvariable('cursor') IS NULL OR day >= getvariable('cursor') GROUP BY day
`,
  });
  await shop.succeed("shop");
  // Both old rows are gone from the source, which an incremental run does not see.
  await shop.project.write({ "data/orders.csv": "id,day\n3,2024-01-03\n" });
  await shop.succeed("shop");
  deepEqual(await shop.warehouse("shop", "SELECT id FROM raw.orders ORDER BY ALL"), [["1"], ["2"], ["3"]]);
  deepEqual(await shop.warehouse("shop", "SELECT day FROM days ORDER BY ALL"), [
    ["2024-01-01"],
    ["2024-01-02"],
    ["2024-01-03"],
  ]);
  const run = await shop.succeed("shop", { full_refresh: true });
  equal(run.full_refresh, true);
  deepEqual(await shop.warehouse("shop", "SELECT id FROM raw.orders"), [["3"]]);
  deepEqual(await shop.warehouse("shop", "SELECT day, n FROM days"), [["2024-01-03", "1"]]);
});

Deno.test("a repeat with the same Idempotency-Key answers the same run, also at the same moment and after a restart", async () => {
  await using shop = await Served.start({
    "pipelines/shop.yaml": "description: nothing to extract\n",
    "pipelines/other.yaml": "description: another\n",
    "transforms/shop/one.sql": "SELECT 1 AS one\n",
    "transforms/other/one.sql": "SELECT 1 AS one\n",
  });
  const trigger = async (pipeline: string, key: string): Promise<Run> => {
    const response = await shop.server.request("POST", `/api/pipelines/${pipeline}/runs`, {
      body: {},
      headers: { "Idempotency-Key": key },
    });
    equal(response.status, 202);
    const run: Run = await response.json();
    equal(response.headers.get("location"), `/api/runs/${run.id}`);
    return run;
  };
  const first = await Promise.all(Array.from({ length: 8 }, () => trigger("shop", "order-4711")));
  const [{ id } = fail()] = first;
  deepEqual([...new Set(first.map((run) => run.id))], [id]);
  await shop.server.ended(id, PATIENCE_MS);
  equal((await trigger("shop", "order-4711")).state, "succeeded");
  notEqual((await trigger("shop", "order-4712")).id, id);
  notEqual((await trigger("other", "order-4711")).id, id);
  await shop.restart();
  equal((await trigger("shop", "order-4711")).id, id);
  equal((await shop.runs("shop")).length, 2);
});

Deno.test("runs of one pipeline go one after the other in the order they were asked for, each window beginning where the one before ended", async () => {
  await using shop = await Served.start({
    "data/orders.csv": ORDERS,
    "pipelines/shop.yaml": `
extract: { orders: { connector: files, path: data/orders.csv } }
load: { seen: { connector: lite, table: seen, mode: append } }
`,
    "transforms/shop/seen.sql":
      "SELECT getvariable('run_id') AS run, getvariable('window_start') AS since, getvariable('window_end') AS til\n",
  });
  const triggered: Run[] = [];
  for (let count = 0; count < 4; count += 1) triggered.push(await shop.server.trigger("shop"));
  const ended: RunDetail[] = [];
  for (const { id } of triggered) ended.push(await shop.server.ended(id, PATIENCE_MS));
  deepEqual(ended.map(({ state }) => state), ["succeeded", "succeeded", "succeeded", "succeeded"]);
  for (const [index, run] of ended.entries()) {
    const before = ended[index - 1];
    if (before === undefined) continue;
    ok(Date.parse(run.started_at ?? "") >= Date.parse(before.finished_at ?? ""), "one at a time, in order");
    equal(run.window_start, before.window_end, "no moment is in two windows");
  }
  const rows = await destinationRows(join(shop.project.projectDir, "out"));
  equal(rows["lite.sqlite seen"]?.length, 4);
});

Deno.test("cancel ends a queued run at once and a running one soon; both can be retried, an ended one cannot be cancelled", async () => {
  await using shop = await Served.start({
    "data/orders.csv": ORDERS,
    "pipelines/shop.yaml": `${ONE_THREAD}
extract: { orders: { connector: files, path: data/orders.csv } }
load: { slow: { connector: lite, table: slow } }
`,
    "transforms/shop/slow.sql": ENDLESS.replace("range(", "raw.orders, range("),
  }, NONE_READY);
  const running = await shop.server.trigger("shop");
  const queued = await shop.server.trigger("shop");
  await shop.untilRunning(running.id, "model:slow");
  const cancelled = await shop.server.call<Run>("POST", `/api/runs/${queued.id}/cancel`);
  equal(cancelled.state, "cancelled");
  equal(cancelled.attempt, 0);

  const startedMs = Date.now();
  const stopped = await shop.cancel(running.id);
  ok(Date.now() - startedMs < 10_000, "it is stopped before force is needed");
  equal(stopped.state, "cancelled");
  equal(stopped.error?.code, "cancelled");
  deepEqual(states(stopped), {
    "extract:orders": "succeeded",
    "model:slow": "cancelled",
    "load:slow→lite": "cancelled",
  });
  equal(await shop.server.runProcess(), undefined, "no process is left");
  const problem = await shop.server.call<Problem>("POST", `/api/runs/${running.id}/cancel`, undefined, [409]);
  match(problem.detail, /has ended.*cancelled/);
  equal(
    (await shop.server.call<Problem>("POST", "/api/runs/nope/cancel", undefined, [404])).code,
    "not_found",
  );

  const again = await shop.server.call<Run>("POST", `/api/runs/${queued.id}/retry`);
  equal(again.id, queued.id);
  await shop.untilRunning(queued.id, "model:slow");
  equal((await shop.cancel(queued.id)).state, "cancelled");
});

Deno.test("a run that takes longer than its timeout is stopped and fails with that word", async () => {
  await using shop = await Served.start({
    "pipelines/shop.yaml": `${ONE_THREAD}timeout: 5s\n`,
    "transforms/shop/slow.sql": ENDLESS,
  }, NONE_READY);
  const run = await shop.runToEnd("shop");
  equal(run.state, "failed");
  equal(run.error?.code, "timeout");
  match(run.error?.message ?? "", /longer than its timeout of 5s/);
  ok((run.duration_ms ?? 0) >= 4_900 && (run.duration_ms ?? 0) < 15_000, `${run.duration_ms} ms`);
  equal(step(run, "model:slow").state, "failed");
  equal(step(run, "model:slow").error?.code, "timeout");
  equal(await shop.server.runProcess(), undefined);
});

Deno.test("a failed run of the definition's retry policy gets its attempts by itself", async () => {
  await using shop = await Served.start({
    "pipelines/shop.yaml": "retry: { limit: 2, interval: 100ms, backoff: constant }\n",
    "pipelines/wrong.yaml": `
retry: { limit: 2, interval: 100ms }
extract: { orders: { connector: files, path: data/orders.csv } }
`,
    "transforms/shop/one.sql": "SELECT 1 AS one\n",
    "data/orders.csv": ORDERS,
  });
  const { id } = await shop.server.trigger("shop");
  const pid = await waitFor(() => shop.server.runProcess(), PATIENCE_MS);
  Deno.kill(pid ?? fail("no process came up"), "SIGKILL");
  const run = await shop.server.ended(id, PATIENCE_MS);
  equal(run.state, "succeeded", JSON.stringify(run.error));
  equal(run.attempt, 2);
  equal(run.error, null);

  await shop.project.write({ "data/orders.csv": "id,region,amount\n1\n" });
  const wrong = await shop.runToEnd("wrong");
  equal(wrong.state, "failed");
  equal(wrong.attempt, 1, "what is wrong stays wrong: it is not tried again");
});

Deno.test("a retry does what is left: committed steps are not done again, and params and window stay", async () => {
  await using shop = await Served.start({
    "data/first.csv": "id\n1\n2\n",
    "data/second.csv": "id,word\n1,a\n",
    "pipelines/shop.yaml": `
params: { greeting: { default: none } }
extract:
  first: { connector: files, path: data/first.csv }
  second: { connector: files, path: data/second.csv }
load:
  firsts: { connector: lite, table: firsts, mode: append }
  both: { connector: lite, table: both, mode: append }
`,
    "transforms/shop/firsts.sql": "SELECT id FROM raw.first\n",
    "transforms/shop/both.sql": `SELECT f.id, s.word, getvariable('greeting') AS greeting,
  getvariable('window_start') AS since, getvariable('window_end') AS til
FROM raw.first AS f JOIN raw.second AS s USING (id)
`,
  });
  await shop.project.write({ "data/second.csv": "id,word\n1\n" });
  const failed = await shop.runToEnd("shop", { params: { greeting: "hello" } });
  equal(failed.state, "failed");
  match(failed.error?.message ?? "", /extract:second.*second\.csv/);
  deepEqual(states(failed), {
    "extract:first": "succeeded",
    "extract:second": "failed",
    "model:firsts": "succeeded",
    "model:both": "skipped",
    "load:firsts→lite": "succeeded",
    "load:both→lite": "skipped",
  });

  // The first file is read already: what it holds now is for the next run.
  await shop.project.write({ "data/first.csv": "id\n1\n7\n8\n9\n", "data/second.csv": "id,word\n2,b\n" });
  const queued = await shop.server.call<Run>("POST", `/api/runs/${failed.id}/retry`);
  equal(queued.id, failed.id);
  const run = await shop.server.ended(failed.id, PATIENCE_MS);
  equal(run.state, "succeeded", JSON.stringify(run.error));
  equal(run.attempt, 2);
  equal(run.error, null);
  deepEqual(Object.fromEntries(run.steps.map(({ name, attempt, rows }) => [name, [attempt, rows]])), {
    "extract:first": [1, 2],
    "extract:second": [2, 1],
    "model:firsts": [1, 2],
    "model:both": [2, 1],
    "load:firsts→lite": [1, 2],
    "load:both→lite": [2, 1],
  });
  equal(run.rows_extracted, 3);
  equal(run.rows_loaded, 3);
  deepEqual(run.params, { greeting: "hello" });
  equal(run.window_end, failed.window_end);
  equal(run.window_start, failed.window_start);
  deepEqual(await shop.warehouse("shop", 'SELECT id, word, greeting, epoch_ms(til) FROM "both"'), [
    ["2", "b", "hello", String(Date.parse(failed.window_end))],
  ]);
  const rows = await destinationRows(join(shop.project.projectDir, "out"));
  deepEqual(rows["lite.sqlite firsts"], ['{"id":1}', '{"id":2}']);
});

Deno.test("only the newest run of a pipeline can be retried, and only one that did not succeed", async () => {
  await using shop = await Served.start({
    "data/orders.csv": ORDERS,
    "pipelines/shop.yaml": "extract: { orders: { connector: files, path: data/orders.csv } }\n",
  });
  await shop.project.write({ "data/orders.csv": "id,region,amount\n1\n" });
  const failed = await shop.runToEnd("shop");
  equal(failed.state, "failed");
  await shop.project.write({ "data/orders.csv": ORDERS });
  const good = await shop.succeed("shop");
  const old = await shop.server.call<Problem>("POST", `/api/runs/${failed.id}/retry`, undefined, [409]);
  match(old.detail, new RegExp(`not the newest.*${good.id}`));
  const done = await shop.server.call<Problem>("POST", `/api/runs/${good.id}/retry`, undefined, [409]);
  match(done.detail, /succeeded: only a failed or cancelled run/);
  equal((await shop.server.run(failed.id)).state, "failed");
});

Deno.test("a failing check keeps the old table, skips what hangs on it and lets the other branches go on; a warning stops nothing", async () => {
  await using shop = await Served.start({
    "data/orders.csv": ORDERS,
    "pipelines/shop.yaml": `
extract: { orders: { connector: files, path: data/orders.csv } }
load:
  strict: { connector: lite, table: strict }
  after: { connector: lite, table: after }
  other: { connector: lite, table: other }
  lax: { connector: lite, table: lax }
`,
    "transforms/shop/strict.sql": `/* @sluice
columns: { region: { checks: [not_null, { accepted_values: [eu, us] }] } }
*/
SELECT id, region FROM raw.orders
`,
    "transforms/shop/after.sql": "SELECT count(*) AS n FROM strict\n",
    "transforms/shop/lax.sql": `/* @sluice
columns: { region: { checks: [{ not_null: true, severity: warn }] } }
*/
SELECT id, region FROM raw.orders
`,
    "transforms/shop/other.sql": "SELECT count(*) AS n FROM raw.orders\n",
  });
  equal((await shop.succeed("shop")).warnings, 0);
  await shop.project.write({ "data/orders.csv": "id,region,amount\n1,eu,10\n2,,20\n3,mars,1\n4,eu,2\n" });
  const run = await shop.runToEnd("shop");
  equal(run.state, "failed");
  equal(run.error?.code, "invalid");
  match(run.error?.message ?? "", /model:strict: 2 checks failed.*region/);
  equal(run.warnings, 1);
  deepEqual(states(run), {
    "extract:orders": "succeeded",
    "model:lax": "succeeded",
    "check:lax.not_null_region": "warned",
    "model:other": "succeeded",
    "model:strict": "failed",
    "check:strict.not_null_region": "failed",
    "check:strict.accepted_values_region": "failed",
    "model:after": "skipped",
    "load:strict→lite": "skipped",
    "load:after→lite": "skipped",
    "load:other→lite": "succeeded",
    "load:lax→lite": "succeeded",
  });
  equal(step(run, "check:strict.not_null_region").rows, 1);
  deepEqual(await shop.warehouse("shop", "SELECT id, region FROM strict ORDER BY id"), [
    ["1", "eu"],
    ["2", "us"],
    ["3", "eu"],
  ]);
  const rows = await destinationRows(join(shop.project.projectDir, "out"));
  equal(rows["lite.sqlite strict"]?.length, 3);
  deepEqual(rows["lite.sqlite after"], ['{"n":3}']);
  deepEqual(rows["lite.sqlite other"], ['{"n":4}']);
  equal(rows["lite.sqlite lax"]?.length, 4);
});

interface SentEvent {
  readonly id: string | undefined;
  readonly type: string | undefined;
  readonly data: { run?: Run; step?: { name: string; state: string }; line?: LogLine };
}

/** All events of a run's stream until it ends by itself. */
async function readEvents(shop: Served, id: string, lastId?: number): Promise<SentEvent[]> {
  const response = await shop.server.request("GET", `/api/runs/${id}/events`, {
    headers: lastId === undefined ? {} : { "Last-Event-ID": String(lastId) },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  equal(response.status, 200);
  match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  return (await response.text()).split("\n\n").filter((frame) => /^data: /m.test(frame)).map((frame) => ({
    id: /^id: (.*)$/m.exec(frame)?.[1],
    type: /^event: (.*)$/m.exec(frame)?.[1],
    data: JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? ""),
  }));
}

Deno.test("a run's events tell its steps, lines and end, and go on after Last-Event-ID; its log holds the same lines", async () => {
  await using shop = await Served.start({
    "data/orders.csv": "id,region\n1,\n2,\n",
    "pipelines/shop.yaml": "extract: { orders: { connector: files, path: data/orders.csv } }\n",
    ...Object.fromEntries(
      ["a", "b", "c"].map((name) => [
        `transforms/shop/${name}.sql`,
        `/* @sluice\ncolumns: { region: { checks: [{ not_null: true, severity: warn }] } }\n*/\nSELECT * FROM raw.orders\n`,
      ]),
    ),
  });
  const { id } = await shop.server.trigger("shop");
  const events = await readEvents(shop, id);
  equal(events[0]?.type, "run");
  deepEqual(events.at(-1)?.data.run?.state, "succeeded");
  for (const name of ["extract:orders", "model:a", "model:b", "model:c"]) {
    const seen = events.filter(({ data }) => data.step?.name === name).map(({ data }) => data.step?.state);
    equal(seen.at(-1), "succeeded", `${name}: ${seen.join(", ")}`);
  }
  const lines = events.flatMap(({ type, data }) =>
    type === "log" && data.line !== undefined ? [data.line] : []
  );
  deepEqual(
    events.filter(({ type }) => type === "log").map((event) => event.id),
    lines.map((_, index) => String(index + 1)),
  );
  ok(events.every(({ type, id }) => type === "log" || id === undefined));
  const warnings = lines.filter(({ level }) => level === "warn");
  equal(warnings.length, 3);
  for (const line of warnings) match(line.message, /region/);
  match(lines[0]?.message ?? "", /^Attempt 1 of revision [0-9a-f]{8} begins: 7 steps$/);
  match(lines.at(-1)?.message ?? "", /^Succeeded in .*: 2 rows extracted, 0 loaded$/);
  const ends = lines.filter(({ level, step }) => level === "info" && step !== null)
    .map(({ step, message }) => `${step}: ${message.replace(/ in [\d.]+ m?s$/, "")}`);
  deepEqual(ends.sort(), [
    "extract:orders: 2 rows, 16 B from 1 file",
    "model:a: table, 2 rows",
    "model:b: table, 2 rows",
    "model:c: table, 2 rows",
  ]);

  deepEqual(await shop.server.call<LogLine[]>("GET", `/api/runs/${id}/logs`), lines);
  deepEqual(await shop.server.call<LogLine[]>("GET", `/api/runs/${id}/logs?after=1&limit=1`), [lines[1]]);
  const rest = (await readEvents(shop, id, 2)).flatMap(({ data }) => data.line ?? []);
  deepEqual(rest, lines.slice(2));
  await shop.server.call("GET", "/api/runs/nope/events", undefined, [404]);
});

Deno.test("several follow one run from its middle: each sees all of its steps and its end", async () => {
  await using shop = await Served.start({
    "data/orders.csv": ORDERS,
    "pipelines/shop.yaml": `${ONE_THREAD}extract: { orders: { connector: files, path: data/orders.csv } }\n`,
    "transforms/shop/slow.sql": ENDLESS,
  });
  const { id } = await shop.server.trigger("shop");
  await shop.untilRunning(id, "model:slow");
  const following = Promise.all([readEvents(shop, id), readEvents(shop, id)]);
  await shop.cancel(id);
  for (const events of await following) {
    ok(events.some(({ data }) => data.step?.name === "extract:orders" && data.step.state === "succeeded"));
    ok(events.some(({ data }) => data.step?.name === "model:slow" && data.step.state === "cancelled"));
    equal(events.at(-1)?.data.run?.state, "cancelled");
  }
});
