import { deepEqual, equal, ok } from "node:assert/strict";
import type { ReadMessage } from "../../../../contract/connector/source.ts";
import { AppError } from "../../../../contract/errors.ts";
import { JobProject, rows, statesOf } from "./job_fixture.ts";

const stream = { connector: "it" };

async function* oneRow({ streams: [asked] }: { streams: readonly { name: string }[] }) {
  yield await Promise.resolve(rows(asked?.name ?? "", [1, "a"]));
}

const nothing = { read: oneRow };

Deno.test("streams, models and loads of a run are done side by side without conflicts", async () => {
  await using project = await JobProject.create();
  const names = Array.from({ length: 10 }, (_, i) => `s${i}`);
  const models = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [
      `m${i}`,
      i < 10
        ? `/* @sluice\ncolumns: { id: { checks: [not_null, unique] } }\n*/\nSELECT * FROM raw.s${i}`
        : `/* @sluice\nmaterialized: ${
          i % 2 === 0 ? "incremental" : "table"
        }\nprimary_key: [id]\n*/\nSELECT id, x FROM m${i % 10}`.replace(
          /\nprimary_key: \[id\](?=\n\*\/\nSELECT id, x FROM m[13579])/,
          "",
        ),
    ]),
  );
  let loads = 0;
  const system = {
    read: oneRow,
    load: () => void (loads += 1),
  };
  const definition = {
    resources: { threads: 8 },
    extract: Object.fromEntries(
      names.map((name, i) => [
        name,
        i % 3 === 0 ? { ...stream, mode: "incremental", primary_key: ["id"], update_key: "id" } : stream,
      ]),
    ),
    load: Object.fromEntries(names.map((_, i) => [`m${10 + i}`, { connector: "it", table: `t${i}` }])),
  };
  for (let run = 1; run <= 3; run++) {
    const attempt = await project.attempt(system, definition, models, { runId: `run${run}` });
    equal(attempt.error, undefined);
    deepEqual([...new Set(Object.values(statesOf(attempt)))], ["succeeded"]);
    equal(attempt.steps.size, 10 + 50 + 20 + 10);
  }
  equal(loads, 30);
  deepEqual(
    await project.rows("SELECT run_id, count(*)::INTEGER AS n FROM _sluice.steps GROUP BY ALL ORDER BY ALL"),
    [
      { run_id: "run1", n: 90 },
      { run_id: "run2", n: 90 },
      { run_id: "run3", n: 90 },
    ],
  );
  const [row] = await project.rows("SELECT * FROM m49");
  deepEqual(row, { id: 1, x: "a" });
});

Deno.test("two streams are read at the same time, and no more of one connector than it has connections", async () => {
  for (const connector of ["it", "narrow"]) {
    await using project = await JobProject.create();
    let reading = 0;
    let most = 0;
    const both = Promise.withResolvers<void>();
    const read = async function* ({ streams: [asked] }: { streams: readonly { name: string }[] }) {
      reading += 1;
      most = Math.max(most, reading);
      if (reading === 2 || connector === "narrow") both.resolve();
      await both.promise;
      yield rows(asked?.name ?? "", [1, "a"]);
      reading -= 1;
    };
    const extract = { one: { connector }, two: { connector } };
    const attempt = await project.attempt({ read }, { resources: { threads: 4 }, extract });
    equal(attempt.error, undefined);
    equal(most, connector === "it" ? 2 : 1);
  }
});

Deno.test("a failure stops its branch alone, and the first one is thrown when the rest is done", async () => {
  await using project = await JobProject.create();
  async function* read({ streams: [asked] }: { streams: readonly { name: string }[] }) {
    if (asked?.name === "bad") throw new AppError("unavailable", "no such host");
    yield rows(asked?.name ?? "", [1, "a"]);
  }
  const attempt = await project.attempt(
    { read },
    {
      extract: { bad: stream, good: stream },
      load: { worse: { connector: "it", table: "w" }, better: { connector: "it", table: "b" } },
    },
    { worse: "SELECT * FROM raw.bad", better: "SELECT * FROM raw.good" },
  );
  ok(attempt.error instanceof AppError);
  equal(attempt.error.message, "extract:bad: no such host");
  equal(attempt.error.code, "unavailable");
  deepEqual(statesOf(attempt), {
    "extract:bad": "failed",
    "extract:good": "succeeded",
    "model:worse": "skipped",
    "load:worse→it": "skipped",
    "model:better": "succeeded",
    "load:better→it": "succeeded",
  });
  const again = await project.attempt(
    nothing,
    { extract: { bad: stream, good: stream } },
    {},
    { attempt: 2 },
  );
  deepEqual([again.steps.get("extract:bad")?.attempt, again.steps.get("extract:good")?.attempt], [2, 1]);
});

Deno.test("an abort ends a run within a second, with what was under way cancelled", async () => {
  await using project = await JobProject.create();
  const stop = new AbortController();
  async function* endless({ streams: [asked] }: { streams: readonly { name: string }[] }) {
    yield rows(asked?.name ?? "", [1, "a"]);
    for (;;) {
      yield await new Promise<ReadMessage>((resolve) => setTimeout(() => resolve(rows("s", [2, "b"])), 1));
    }
  }
  let stoppedAtMs = 0;
  const attempt = await project.attempt(
    { read: endless },
    { resources: { threads: 4 }, extract: { s: stream } },
    {
      slow: "SELECT count(*) AS n FROM range(50000000000) a(i) WHERE hash(i) % 7 = 8",
      after: "SELECT * FROM slow",
    },
    {},
    stop.signal,
    (report) => {
      if (report.type !== "progress" || stop.signal.aborted) return;
      stoppedAtMs = performance.now();
      stop.abort(new AppError("cancelled", "enough"));
    },
  );
  ok(performance.now() - stoppedAtMs < 5_000);
  ok(attempt.error instanceof AppError);
  equal(attempt.error.message, "enough");
  equal(attempt.steps.get("extract:s")?.state, "cancelled");
  equal(attempt.steps.get("model:slow")?.state, "cancelled");
  equal(attempt.steps.get("model:after"), undefined);
});

Deno.test("what a late check refuses reaches no destination, nor does what is built from it", async () => {
  await using project = await JobProject.create();
  const loaded: string[] = [];
  const system = { read: oneRow, load: ({ loadId }: { loadId: string }) => void loaded.push(loadId) };
  const load = Object.fromEntries(
    ["early", "late", "beside", "other"].map((name) => [name, { connector: "it", table: name }]),
  );
  const attempt = await project.attempt(system, { resources: { threads: 4 }, extract: { s: stream }, load }, {
    early: `/* @sluice
checks:
  - { name: as_many, sql: SELECT * FROM early WHERE id NOT IN (SELECT id + 1 FROM late) }
*/
SELECT * FROM raw.s`,
    late: "SELECT * FROM early",
    beside: "SELECT * FROM early",
    other: "SELECT * FROM raw.s",
  });
  deepEqual(statesOf(attempt), {
    "extract:s": "succeeded",
    "model:early": "succeeded",
    "model:late": "succeeded",
    "model:other": "succeeded",
    "check:early.as_many": "failed",
    "model:beside": "skipped",
    "load:early→it": "skipped",
    "load:late→it": "skipped",
    "load:beside→it": "skipped",
    "load:other→it": "succeeded",
  });
  deepEqual(loaded, ["run1/load:other->it"]);
});
