import { deepEqual, equal, ok } from "node:assert/strict";
import type { AlertEvent } from "../../../../../contract/alerts/problem.ts";
import { RunProcesses } from "../../../../../engine/runs/attempt/run_processes.ts";
import { Metrics } from "../../../../../engine/runs/seeing/metrics.ts";
import { DeliveryFigures } from "../../../../../engine/runs/seeing/problem_figures.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { claim, lease, newRun, outcome, step, StoreFixture } from "../../store/store_fixture.ts";

const NOW = 100_000;

/** Metrics that nothing asks by itself; `read` returns samples as `name{labels} value`, without those of the process. */
function metricsOf(store: Store, processes = new RunProcesses()) {
  const clock = new FakeClock(NOW);
  const deliveries = new DeliveryFigures();
  const metrics = new Metrics({
    ...{ store, clock, log: () => {}, dataDir: "/", maxRuns: 3, processes, deliveries },
    status: () => ({ starts_runs: false, disk: { free_bytes: 1, total_bytes: 3, reserve_bytes: 2 } }),
  });
  const read = async (): Promise<Map<string, number>> => {
    const samples = new Map<string, number>();
    for (const { name, samples: found } of await metrics.read("1.2.3")) {
      for (const { suffix = "", labels, value } of found) {
        const text = Object.entries(labels).map(([label, of]) => `${label}=${of}`).join(",");
        samples.set(`${name}${suffix}{${text}}`, value);
      }
    }
    return samples;
  };
  return { clock, read, deliveries };
}

/** Those of the metric, by their labels. */
const only = (samples: ReadonlyMap<string, number>, name: string): Record<string, number> =>
  Object.fromEntries(
    [...samples].filter(([key]) => key.startsWith(`${name}{`)).map((
      [key, value],
    ) => [key.slice(name.length), value]),
  );

async function runToEnd(store: Store, id: string, event: "succeed" | "fail", more = {}): Promise<void> {
  await store.runs.create(newRun(id, more));
  await claim(store, "me", 2_000);
  await store.attempts.finish(lease(id), event, outcome());
}

Deno.test("runs of before say how things stand, and count for nothing", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await runToEnd(store, "1", "succeed");
  await runToEnd(store, "2", "fail");
  await runToEnd(store, "3", "succeed", { pipeline: "b", windowEndMs: 1_500 });
  await store.runs.create(newRun("4"));
  const { read } = metricsOf(store);
  const samples = await read();
  deepEqual(only(samples, "sluice_runs_total"), {
    "{pipeline=a,state=succeeded}": 0,
    "{pipeline=a,state=failed}": 0,
    "{pipeline=a,state=cancelled}": 0,
    "{pipeline=b,state=succeeded}": 0,
    "{pipeline=b,state=failed}": 0,
    "{pipeline=b,state=cancelled}": 0,
  });
  deepEqual(only(samples, "sluice_pipeline_last_run_success"), { "{pipeline=a}": 0, "{pipeline=b}": 1 });
  deepEqual(only(samples, "sluice_pipeline_last_success_timestamp_seconds"), {
    "{pipeline=a}": 5,
    "{pipeline=b}": 5,
  });
  equal(samples.get("sluice_pipeline_data_until_timestamp_seconds{pipeline=b}"), 1.5);
  deepEqual(only(samples, "sluice_queue_runs"), {
    "{state=running}": 0,
    "{state=queued}": 1,
    "{state=waiting}": 0,
  });
  equal(samples.get("sluice_queue_oldest_age_seconds{}"), 99);
  equal(samples.get(`sluice_build_info{version=1.2.3,deno=${Deno.version.deno}}`), 1);
});

Deno.test("a run is counted once, with its attempts, retries, steps, delay and duration", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const { read, clock } = metricsOf(store);
  await read();
  const firing = { trigger: "schedule" as const, triggeredBy: new Date(500).toISOString() };
  await store.runs.create(newRun("r", { ...firing, createdAtMs: 1_000 }));
  await claim(store, "me", 2_000);
  const done = { state: "succeeded" as const, duration_ms: 700 };
  await store.attempts.putSteps(lease("r"), [
    step("extract:t", { kind: "extract", ...done, rows: 10, size_bytes: 99 }),
    step("load:t", { kind: "load", state: "failed", rows: 4, duration_ms: 100 }),
  ]);
  await store.attempts.requeue(lease("r"), NOW + 5_000, outcome({ atMs: 3_000 }));
  let samples = await read();
  deepEqual(only(samples, "sluice_queue_runs"), {
    "{state=running}": 0,
    "{state=queued}": 0,
    "{state=waiting}": 1,
  });
  equal(samples.get("sluice_queue_oldest_age_seconds{}"), 0);
  await clock.advance(6_000);
  equal(only(await read(), "sluice_queue_runs")["{state=queued}"], 1);

  await claim(store, "me", NOW + 6_000);
  equal(only(await read(), "sluice_pipeline_active_runs")["{pipeline=a,state=running}"], 1);
  await store.attempts.putSteps(lease("r", 2), [step("load:t", {
    kind: "load",
    attempt: 2,
    ...done,
    rows: 10,
  })]);
  await store.attempts.finish(
    lease("r", 2),
    "succeed",
    outcome({ atMs: NOW + 8_000, peakRssBytes: 77 }),
  );
  for (let time = 0; time < 2; time += 1) samples = await read();
  equal(samples.get("sluice_runs_total{pipeline=a,state=succeeded}"), 1);
  equal(samples.get("sluice_run_attempts_total{pipeline=a}"), 2);
  equal(samples.get("sluice_run_retries_total{pipeline=a}"), 1);
  deepEqual(only(samples, "sluice_rows_total"), {
    "{pipeline=a,direction=extracted}": 10,
    "{pipeline=a,direction=loaded}": 10,
  });
  equal(samples.get("sluice_bytes_total{pipeline=a,direction=extracted}"), 99);
  deepEqual(only(samples, "sluice_steps_total"), {
    "{kind=extract,state=succeeded}": 1,
    "{kind=load,state=failed}": 1,
    "{kind=load,state=succeeded}": 1,
  });
  deepEqual(only(samples, "sluice_step_duration_seconds_sum"), { "{kind=extract}": 0.7, "{kind=load}": 0.7 });
  equal(samples.get("sluice_schedule_delay_seconds_sum{}"), 1.5);
  equal(samples.get("sluice_schedule_delay_seconds_bucket{le=1}"), 0);
  equal(samples.get("sluice_schedule_delay_seconds_bucket{le=2.5}"), 1);
  equal(samples.get("sluice_schedule_delay_seconds_bucket{le=+Inf}"), 1);
  equal(samples.get("sluice_queue_wait_seconds_sum{}"), 1);
  equal(samples.get("sluice_run_duration_seconds_sum{state=succeeded}"), 2);
  equal(samples.get("sluice_pipeline_run_duration_seconds_count{pipeline=a}"), 1);
  equal(samples.get("sluice_pipeline_last_run_peak_memory_bytes{pipeline=a}"), 77);
  deepEqual(only(samples, "sluice_pipeline_active_runs"), {});
});

Deno.test("one that is cancelled in the queue has no duration, and a manual retry ends another time", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const { read } = metricsOf(store);
  await read();
  await store.runs.create(newRun("q"));
  await store.runs.cancelQueued("q", 2_000, "asked", null);
  await runToEnd(store, "r", "fail", { pipeline: "b" });
  await store.runs.retry("r", 6_000);
  await claim(store, "me", 7_000);
  await store.attempts.finish(lease("r", 2), "succeed", outcome({ atMs: 8_000 }));
  const samples = await read();
  equal(samples.get("sluice_runs_total{pipeline=a,state=cancelled}"), 1);
  equal(samples.get("sluice_runs_total{pipeline=b,state=failed}"), 1);
  equal(samples.get("sluice_runs_total{pipeline=b,state=succeeded}"), 1);
  equal(samples.get("sluice_run_retries_total{pipeline=b}"), 0, "that one was asked for");
  deepEqual(only(samples, "sluice_run_duration_seconds_count"), {
    "{state=failed}": 1,
    "{state=succeeded}": 1,
  });
});

Deno.test("what is removed goes out of the metrics, and what is paused or faulty says so", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const { read } = metricsOf(store);
  await read();
  await runToEnd(store, "r", "succeed");
  ok((await read()).has("sluice_pipeline_last_run_success{pipeline=a}"));
  await store.pipelines.remove("a");
  await store.pipelines.setPaused("b", true);
  const fault = { file: "b.yaml", message: "wrong" };
  await store.pipelines.put({
    name: "b",
    origin: "files",
    faults: [{ ...fault, severity: "error" }, { ...fault, severity: "warning" }],
  });
  const samples = await read();
  deepEqual([...samples.keys()].filter((key) => key.includes("pipeline=a")), []);
  equal(samples.get("sluice_pipeline_paused{pipeline=b}"), 1);
  equal(samples.get("sluice_pipeline_faults{pipeline=b}"), 1);
});

Deno.test("steps that could not be read are counted when they can be", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  let isBroken = false;
  const { figures } = store;
  const { read } = metricsOf({
    ...store,
    figures: {
      ...figures,
      stepsOf: (attempts) => isBroken ? Promise.reject(new Error("no")) : figures.stepsOf(attempts),
    },
  });
  await read();
  await store.runs.create(newRun("r"));
  await claim(store, "me", 2_000);
  await store.attempts.putSteps(lease("r"), [
    step("extract:t", { kind: "extract", state: "succeeded", rows: 10 }),
  ]);
  await store.attempts.finish(lease("r"), "succeed", outcome());
  isBroken = true;
  equal(await read().then(() => "read", () => "failed"), "failed");
  isBroken = false;
  const samples = await read();
  equal(samples.get("sluice_rows_total{pipeline=a,direction=extracted}"), 10);
  equal(samples.get("sluice_runs_total{pipeline=a,state=succeeded}"), 1);
});

Deno.test("the process of the server and those of runs have memory, while they are there", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const processes = new RunProcesses();
  const { read } = metricsOf(store, processes);
  {
    // This process in the place of a run's, and one that cannot be there.
    using _run = processes.add(Deno.pid, "a");
    using _gone = processes.add(2 ** 30, "b");
    const samples = await read();
    const rss = only(samples, "sluice_run_process_resident_memory_bytes");
    deepEqual(Object.keys(rss), ["{pipeline=a}"]);
    ok((rss["{pipeline=a}"] ?? 0) > 10e6);
    ok((samples.get("process_resident_memory_bytes{}") ?? 0) > 10e6);
    ok((samples.get("process_open_fds{}") ?? 0) > 2);
    ok((samples.get("process_max_fds{}") ?? 0) > (samples.get("process_open_fds{}") ?? 0));
    ok((samples.get("process_cpu_seconds_total{}") ?? 0) > 0);
    const startedMs = (samples.get("process_start_time_seconds{}") ?? 0) * 1_000;
    ok(startedMs < Date.now() + 2_000 && startedMs > Date.now() - 24 * 3_600_000);
    ok(
      (samples.get("sluice_data_disk_size_bytes{}") ?? 0) >=
        (samples.get("sluice_data_disk_free_bytes{}") ?? 0),
    );
  }
  deepEqual(only(await read(), "sluice_run_process_resident_memory_bytes"), {});
});

Deno.test("open problems are counted by kind and pipeline, and what is sent about them by notifier", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const { read, deliveries } = metricsOf(store);
  equal(only(await read(), "sluice_open_problems")["{kind=late,acknowledged=false}"], 0);
  const problem = { run: null, message: "", atMs: NOW, isTold: true } as const;
  const event: AlertEvent = {
    ...{ key: "a late", pipeline: "a", run: null, at: new Date(NOW).toISOString(), message: "", count: 1 },
    ...{ attempt: null, trigger: null, duration_ms: null, rows_extracted: null, rows_loaded: null },
    event: "late",
    of: null,
  };
  await store.alerts.putNotifiers({ team: { type: "slack" }, mail: { type: "smtp" } }, new Set());
  await store.alerts.apply(NOW, [
    { type: "open", problem: { ...problem, id: "1", key: "a late", kind: "late", pipeline: "a" } },
    { type: "open", problem: { ...problem, id: "2", key: "b late", kind: "late", pipeline: "b" } },
    { type: "open", problem: { ...problem, id: "3", key: "a stale", kind: "stale", pipeline: "a" } },
    { type: "open", problem: { ...problem, id: "4", key: "disk", kind: "disk", pipeline: null } },
    { type: "close", id: "3", atMs: NOW },
    { type: "notify", notice: { notifier: "team", event, deliveryId: "d", groupMs: 1 } },
  ]);
  await store.alerts.acknowledge("2", "ada", NOW);
  deliveries.count("mail", "retried");
  deliveries.count("mail", "failed");
  deliveries.count("gone", "sent");
  const samples = await read();
  const open = only(samples, "sluice_open_problems");
  equal(open["{kind=late,acknowledged=false}"], 1);
  equal(open["{kind=late,acknowledged=true}"], 1);
  equal(open["{kind=stale,acknowledged=false}"], 0);
  equal(open["{kind=disk,acknowledged=false}"], 1);
  deepEqual(only(samples, "sluice_pipeline_open_problems"), { "{pipeline=a}": 1, "{pipeline=b}": 1 });
  deepEqual(only(samples, "sluice_alert_deliveries_waiting"), { "{notifier=mail}": 0, "{notifier=team}": 1 });
  deepEqual(only(samples, "sluice_alert_deliveries_total"), {
    "{notifier=mail,outcome=retried}": 1,
    "{notifier=mail,outcome=failed}": 1,
    "{notifier=mail,outcome=sent}": 0,
    "{notifier=team,outcome=sent}": 0,
    "{notifier=team,outcome=retried}": 0,
    "{notifier=team,outcome=failed}": 0,
  });
});
