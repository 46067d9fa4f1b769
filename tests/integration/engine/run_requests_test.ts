import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { LogLine, Run } from "../../../contract/run.ts";
import { ENDLESS, NONE_READY, ONE_THREAD, PATIENCE_MS, Served } from "../../support/served_project.ts";
import { waitFor } from "../../support/sluice_server.ts";

/** What can be asked of runs, through the API of a real server. */

const WINDOW_SQL =
  "SELECT getvariable('window_start')::VARCHAR AS f, getvariable('window_end')::VARCHAR AS t\n";

Deno.test("a run is for the window that it is asked for, in its group, and moves nobody else's window", async () => {
  await using served = await Served.start({
    "pipelines/w.yaml": "transform: w\n",
    "transforms/w/win.sql": WINDOW_SQL,
  });
  const { server } = served;
  const first = await served.succeed("w");
  const window = { window_start: "2020-01-01T00:00:00Z", window_end: "2020-02-01T00:00:00Z" };
  const asked = await served.succeed("w", { ...window, group: "backfill", parent: first.id, priority: 7 });
  deepEqual(
    [asked.window_start, asked.window_end, asked.group, asked.parent, asked.priority],
    ["2020-01-01T00:00:00.000Z", "2020-02-01T00:00:00.000Z", "backfill", first.id, 7],
  );
  deepEqual(await served.warehouse("w", "SELECT f, t FROM win"), [
    ["2020-01-01 00:00:00+00", "2020-02-01 00:00:00+00"],
  ]);
  const next = await served.succeed("w");
  equal(next.window_start, first.window_end);
  ok(next.window_end > first.window_end);
  const group = await server.call<Run[]>("GET", "/api/runs?group=backfill");
  deepEqual(group.map(({ id }) => id), [asked.id]);
  for (
    const wrong of [{ window_start: window.window_start }, { ...window, window_end: "2019-01-01T00:00:00Z" }]
  ) {
    const refused = await server.request("POST", "/api/pipelines/w/runs", { body: wrong });
    await refused.body?.cancel();
    equal(refused.status, 400, JSON.stringify(wrong));
  }
  const unknown = await server.request("GET", "/api/runs?before=none");
  equal(unknown.status, 422);
  equal((await unknown.json()).reason, "unknown_cursor");
});

Deno.test("an idempotency key gives the same run for the same request, and 422 for another", async () => {
  await using served = await Served.start({
    "pipelines/w.yaml": "params: { n: { type: integer, default: 1 } }\ntransform: w\n",
    "transforms/w/one.sql": "SELECT getvariable('n') AS n\n",
  });
  const ask = async (body: unknown) => {
    const headers = { "Idempotency-Key": "order-1" };
    const response = await served.server.request("POST", "/api/pipelines/w/runs", { body, headers });
    return { status: response.status, ...await response.json() };
  };
  const first = await ask({ params: { n: 2 } });
  equal(first.status, 202);
  equal((await ask({ params: { n: 2 } })).id, first.id);
  for (const other of [{ params: { n: 3 } }, {}, { params: { n: 2 }, full_refresh: true }]) {
    const refused = await ask(other);
    deepEqual([refused.status, refused.code, refused.reason], [422, "conflict", "idempotency_key_reused"]);
  }
  equal((await served.server.ended(first.id)).state, "succeeded");
});

Deno.test("a run waits for a connector with max_connections that another run holds; who cancelled is told", async () => {
  const load = "load: { rows: { connector: narrow, table: rows } }\n";
  await using served = await Served.start({
    "connectors.yaml": "narrow: { type: sqlite, path: out/narrow.sqlite, max_connections: 1 }\n",
    "pipelines/a.yaml": `transform: a\n${ONE_THREAD}${load}`,
    "transforms/a/rows.sql": ENDLESS,
    "pipelines/b.yaml": `transform: b\n${load}`,
    "transforms/b/rows.sql": "SELECT 1 AS n\n",
    "pipelines/c.yaml": "transform: c\n",
    "transforms/c/rows.sql": "SELECT 1 AS n\n",
  }, NONE_READY);
  const { server } = served;
  const { id: holder } = await server.trigger("a");
  await served.untilRunning(holder, "model:rows");
  const { id: waiting } = await server.trigger("b");
  // A run of a pipeline that does not use the connector passes the one that waits.
  equal((await served.runToEnd("c")).state, "succeeded");
  equal((await server.run(waiting)).state, "queued");
  const cancelled = await served.cancel(holder);
  equal(cancelled.cancelled_by, "SLUICE_TOKEN");
  deepEqual(cancelled.attempts.map(({ attempt, state }) => [attempt, state]), [[1, "cancelled"]]);
  ok((cancelled.attempts[0]?.peak_rss_bytes ?? 1) > 0);
  equal((await server.ended(waiting, PATIENCE_MS)).state, "succeeded");
  const lines = await server.call<LogLine[]>("GET", `/api/runs/${holder}/logs`);
  ok(lines.length > 0 && lines.every(({ attempt }) => attempt === 1));
  ok(await waitFor(async () => await server.runProcess() === undefined || undefined, PATIENCE_MS));
});

Deno.test("a wrong selection is refused before there is a run", async () => {
  await using served = await Served.start({
    "pipelines/w.yaml": "transform: w\n",
    "transforms/w/win.sql": `/* @sluice\ntags: [core]\n*/ ${WINDOW_SQL}`,
  });
  const { server } = served;
  for (
    const [select, expected] of [
      ["wim", /no model is called wim \(did you mean win\?\)/],
      ["tag:cor", /no step has the tag cor \(did you mean tag:core\?\)/],
      ["win,raw.*", /no stream is called \*/],
      ["-win", /nothing is left/],
      ["  ", /the expression is empty/],
    ] as const
  ) {
    const refused = await server.request("POST", "/api/pipelines/w/runs", { body: { select } });
    equal(refused.status, 400, select);
    match(await refused.text(), expected);
  }
  deepEqual(await served.runs("w"), []);
  equal((await served.succeed("w", { select: "tag:core" })).select, "tag:core");
});
