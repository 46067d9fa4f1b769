import { deepEqual, equal } from "node:assert/strict";
import { AppError } from "../../../../../contract/errors.ts";
import { sensorProblem } from "../../../../../contract/triggers/sensors.ts";
import { filesText, newSettled } from "../../../../../engine/runs/triggers/new_files.ts";
import { Sensors } from "../../../../../engine/runs/triggers/sensors.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { newRun, revision, StoreFixture } from "../../store/store_fixture.ts";

const SENSOR = { connector: "files", path: "in/*.csv", every: "1m" };

/** A store with `z` that waits for files. */
async function prepare(fixture: StoreFixture): Promise<Store> {
  const store = await fixture.open();
  const definition = { ...revision().definition, sensors: [SENSOR] };
  await store.revisions.save(revision({ id: "rev-z", pipeline: "z", definition }), []);
  await store.pipelines.put({ name: "z", origin: "files", revision: "rev-z", faults: [] });
  return store;
}

/** A look at `files` when it is asked for, and runs queued as the engine does. */
function bench(store: Store) {
  const clock = new FakeClock(0);
  const state: { files: Record<string, string>; error?: unknown; dies?: boolean; looks: number } = {
    files: {},
    looks: 0,
  };
  const [started, log]: [string[], string[]] = [[], []];
  const server = () =>
    new Sensors({
      store,
      clock,
      log: (_level, message) => void log.push(message),
      look() {
        state.looks++;
        return state.error === undefined ? Promise.resolve({ ...state.files }) : Promise.reject(state.error);
      },
      async start(pipeline, { triggeredBy, idempotencyKey }) {
        const run = newRun(`z-${started.length}`, {
          pipeline,
          trigger: "sensor",
          triggeredBy,
          idempotencyKey,
        });
        const { created } = await store.runs.create(run);
        if (created) started.push(triggeredBy);
        if (state.dies === true) throw new Error("the server died");
      },
    });
  /** Goes on in steps of five seconds, as the server does. */
  const pass = async (sensors: Sensors, seconds: number) => {
    for (let passed = 0; passed < seconds; passed += 5) {
      await clock.advance(5_000);
      await sensors.lookAtDue();
    }
  };
  /** Takes the run that waits, and ends it. */
  const finish = async () => {
    const [run] = await store.runs.list({ pipeline: "z", state: "queued", limit: 1 });
    if (run !== undefined) await store.runs.cancelQueued(run.id, clock.now(), "ended", null);
  };
  return { clock, state, started, log, server, pass, finish };
}

Deno.test("a file that is new or has changed starts one run, once it is written", async () => {
  await using fixture = new StoreFixture();
  const store = await prepare(fixture);
  const { state, started, server, pass, finish } = bench(store);
  const sensors = server();
  await sensors.lookAtDue();
  equal(state.looks, 1);
  await pass(sensors, 55);
  equal(state.looks, 1, "it is looked at every minute");
  state.files = { "in/a.csv": "1" };
  await pass(sensors, 5);
  state.files = { "in/a.csv": "2" };
  await pass(sensors, 5);
  deepEqual(started, [], "it is still being written");
  state.files = { "in/a.csv": "2", "in/b.csv": "1" };
  await pass(sensors, 5);
  deepEqual(started, ["in/a.csv"]);
  await finish();
  await pass(sensors, 5);
  deepEqual(started, ["in/a.csv", "in/b.csv"]);
  await finish();
  await pass(sensors, 180);
  equal(started.length, 2);

  state.files = { "in/a.csv": "3", "in/b.csv": "1" };
  await pass(sensors, 70);
  await finish();
  state.files = { "in/b.csv": "1" };
  await pass(sensors, 60);
  state.files = { "in/a.csv": "3", "in/b.csv": "1" };
  await pass(sensors, 70);
  await finish();
  deepEqual(started.slice(2), ["in/a.csv", "in/a.csv"], "changed, then gone and back");
});

Deno.test("a server that dies starts no run twice, and the next one misses no file", async () => {
  await using fixture = new StoreFixture();
  const store = await prepare(fixture);
  const { state, started, server, pass, finish, log } = bench(store);
  state.files = { "in/a.csv": "1" };
  state.dies = true;
  const first = server();
  await first.lookAtDue();
  await pass(first, 5).then(() => {}, () => {});
  deepEqual(started, ["in/a.csv"]);
  // Its run was queued, which was not written down; meanwhile another file came.
  state.dies = false;
  state.files = { "in/a.csv": "1", "in/b.csv": "1" };
  const second = server();
  await pass(second, 60);
  deepEqual(started, ["in/a.csv"]);
  await finish();
  await pass(second, 70);
  deepEqual(started, ["in/a.csv", "in/b.csv"]);
  await finish();
  await pass(server(), 120);
  deepEqual([started.length, log], [2, []]);
});

Deno.test("a clock that is set back keeps no sensor from looking, and runs of a backfill hold none up", async () => {
  await using fixture = new StoreFixture();
  const store = await prepare(fixture);
  const { clock, state, started, server, pass } = bench(store);
  const window = { startMs: 1, endMs: 2 };
  await store.runs.create(newRun("day", { pipeline: "z", trigger: "backfill", group: "g", window }));
  const sensors = server();
  await clock.advance(7_200_000);
  await sensors.lookAtDue();
  await clock.jump(-3_600_000);
  state.files = { "in/a.csv": "1" };
  await pass(sensors, 5);
  equal(state.looks, 2);
  await pass(sensors, 10);
  deepEqual(started, ["in/a.csv"]);
  const looks = state.looks;
  await pass(sensors, 50);
  equal(state.looks, looks, "every minute again");
});

Deno.test("while a run waits files are collected, and while it is paused nothing is looked for", async () => {
  await using fixture = new StoreFixture();
  const store = await prepare(fixture);
  const { state, started, server, pass, finish } = bench(store);
  const sensors = server();
  await store.runs.create(newRun("asked", { pipeline: "z" }));
  state.files = { "in/a.csv": "1" };
  await sensors.lookAtDue();
  await pass(sensors, 30);
  state.files = { "in/a.csv": "1", "in/b.csv": "1" };
  await pass(sensors, 30);
  deepEqual(started, []);
  await finish();
  await pass(sensors, 5);
  deepEqual(started, ["in/a.csv, in/b.csv"]);
  await finish();
  await store.pipelines.setPaused("z", true);
  const { looks } = state;
  state.files = { "in/a.csv": "2", "in/b.csv": "1" };
  await pass(sensors, 180);
  equal(state.looks, looks);
  await store.pipelines.setPaused("z", false);
  await pass(sensors, 10);
  deepEqual(started.slice(1), ["in/a.csv"]);
});

Deno.test("a look that fails is told once, and is over with the next that does not", async () => {
  await using fixture = new StoreFixture();
  const store = await prepare(fixture);
  const { state, started, server, pass, log } = bench(store);
  const sensors = server();
  state.error = new AppError("unavailable", "no route to the bucket");
  await sensors.lookAtDue();
  await pass(sensors, 125);
  equal(state.looks, 3);
  deepEqual(log, ["files could not be looked for"]);
  const [failed] = await store.sensors.states("z");
  deepEqual([failed?.sensor, failed?.error, failed?.waitingSinceMs], [
    "files in/*.csv",
    "no route to the bucket",
    0,
  ]);
  delete state.error;
  state.files = { "in/a.csv": "1" };
  await pass(sensors, 70);
  deepEqual(started, ["in/a.csv"]);
  const [well] = await store.sensors.states("z");
  deepEqual([well?.error, well?.found], [null, "in/a.csv"]);
});

Deno.test("nothing new for longer than timeout is a problem", () => {
  const state = { waitingSinceMs: 0, error: null };
  const sensor = { ...SENSOR, timeout: "2h" };
  equal(sensorProblem(SENSOR, state, 9e9), null);
  equal(sensorProblem(sensor, state, 7_200_000), null);
  equal(
    sensorProblem(sensor, state, 3 * 3_600_000),
    'nothing new at "in/*.csv" of files for 3 h 00 m: timeout is 2h',
  );
  equal(sensorProblem(sensor, { ...state, error: "no" }, 0), "no");
});

Deno.test("files are new against what is known, and settled against the look before", () => {
  const files = { a: "1", b: "2", c: "1", toString: "1" };
  deepEqual(newSettled({ known: { a: "1", b: "1", gone: "1" }, files, before: { b: "2", toString: "0" } }), {
    found: { b: "2" },
    settling: { c: "1", toString: "1" },
    next: { a: "1", b: "2" },
  });
  deepEqual(newSettled({ known: { b: "1" }, files: { b: "2" }, before: {} }).next, { b: "1" });
  equal(filesText(["a", "b", "c"]), "a, b, c");
  equal(filesText(["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
});
