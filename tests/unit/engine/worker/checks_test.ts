import { deepEqual, equal, ok } from "node:assert/strict";
import { JobProject, rows, statesOf } from "./job_fixture.ts";

const stream = { connector: "it" };

/** Streams that are read as these rows of `id` and `x`. */
const reading = (...values: (readonly [number, string | null])[]) => ({
  async *read({ streams: [asked] }: { readonly streams: readonly { readonly name: string }[] }) {
    yield await Promise.resolve(rows(asked?.name ?? "", ...values));
  },
});

const load = { connector: "it", table: "t" };

Deno.test("a failed error check of a stream keeps its rows from models and loads, and a warning does not", async () => {
  await using project = await JobProject.create();
  const definition = (severity: string) => ({
    extract: {
      s: { ...stream, checks: [{ column: "x", not_null: true, severity }, { row_count: { min: 1 } }] },
      other: stream,
    },
    load: { s: load, m: load, other: load },
  });
  const models = { m: "SELECT * FROM raw.s", n: "SELECT * FROM raw.other" };
  const system = reading([1, null], [2, "b"]);
  const failed = await project.attempt(system, definition("error"), models);
  deepEqual(statesOf(failed), {
    "extract:s": "succeeded",
    "extract:other": "succeeded",
    "check:raw.s.not_null_x": "failed",
    "check:raw.s.row_count": "succeeded",
    "model:m": "skipped",
    "model:n": "succeeded",
    "load:s→it": "skipped",
    "load:m→it": "skipped",
    "load:other→it": "succeeded",
  });
  equal(
    failed.steps.get("check:raw.s.not_null_x")?.error?.message,
    "not_null(x): 1 of 2 rows",
  );
  const warned = await project.attempt(system, definition("warn"), models, { runId: "run2" });
  equal(warned.error, undefined);
  equal(statesOf(warned)["check:raw.s.not_null_x"], "warned");
  equal(statesOf(warned)["load:s→it"], "succeeded");
});

Deno.test("rows that fail are kept with their run and reported, also where their model is undone", async () => {
  await using project = await JobProject.create();
  const models = (severity: string) => ({
    m: `/* @sluice
columns: {x: {checks: [{not_null: true, severity: ${severity}}]}, id: {checks: [unique]}}
*/ SELECT * FROM raw.s`,
  });
  const definition = { extract: { s: stream } };
  const system = reading([1, null], [2, "b"]);
  const failed = await project.attempt(system, definition, models("error"));
  equal(statesOf(failed)["model:m"], "failed");
  const warned = await project.attempt(system, definition, models("warn"), { runId: "run2" });
  equal(statesOf(warned)["model:m"], "succeeded");
  for (const [attempt, run] of [[failed, "run1"], [warned, "run2"]] as const) {
    const [reported, ...others] = attempt.reports.filter((report) => report.type === "failed_rows");
    ok(reported !== undefined && others.length === 0);
    const { kept_at: _, ...rest } = reported.rows;
    deepEqual(rest, {
      run,
      check: "check:m.not_null_x",
      failures: 1,
      columns: ["id", "x"],
      rows: [["1", null]],
    });
  }
  deepEqual(
    await project.rows('SELECT run_id, step, "row"::VARCHAR AS r FROM _sluice.failed_rows ORDER BY run_id'),
    ["run1", "run2"].map((run_id) => ({ run_id, step: "check:m.not_null_x", r: '{"id":"1","x":null}' })),
  );
  const again = await project.attempt(system, definition, models("warn"), { runId: "run2", attempt: 2 });
  equal(
    again.reports.filter((report) => report.type === "failed_rows").length,
    1,
    "an attempt that died may not have told",
  );
});

Deno.test("change is judged by the runs that were committed, and a failed run is none of them", async () => {
  await using project = await JobProject.create();
  const models = {
    m: "/* @sluice\nchecks: [{change: {max: 50%, min_runs: 2}}]\n*/ SELECT * FROM raw.s",
  };
  const definition = { extract: { s: stream } };
  const of = (count: number) =>
    reading(...Array.from({ length: count }, (_, i): [number, string] => [i, "a"]));
  const states: unknown[] = [];
  for (const [index, count] of [10, 12, 40, 40, 14].entries()) {
    const attempt = await project.attempt(of(count), definition, models, { runId: `run${index}` });
    states.push([count, attempt.steps.get("check:m.change")?.state]);
  }
  deepEqual(states, [
    [10, "succeeded"],
    [12, "succeeded"],
    [40, "failed"],
    [40, "failed"],
    [14, "succeeded"],
  ]);
  deepEqual(
    await project.rows('SELECT run_id, "value" AS v FROM _sluice.check_values ORDER BY run_id'),
    [{ run_id: "run0", v: 10 }, { run_id: "run1", v: 12 }, { run_id: "run4", v: 14 }],
  );
});
