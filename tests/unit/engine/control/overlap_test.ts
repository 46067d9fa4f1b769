import { deepEqual, equal } from "node:assert/strict";
import { connectors } from "../../../../connectors/registry.ts";
import { AppError } from "../../../../contract/errors.ts";
import { RunRequests } from "../../../../engine/control/run_requests.ts";
import type { Store } from "../../../../engine/store/store.ts";
import type { Fault } from "../../../../text/fault.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { claim, newRun, revision, StoreFixture } from "../store/store_fixture.ts";

/** Cancels of runs under way are noted in `stopped`. */
function requestsOf(store: Store, stopped: string[]): RunRequests {
  return new RunRequests({
    store,
    connectors,
    clock: new FakeClock(9_000),
    log: () => {},
    queue: {
      cancel: (id, by) => {
        stopped.push(`${id} ${by.startsWith("run ")}`);
        return Promise.resolve(true);
      },
      cancelOrphan: () => Promise.resolve(undefined),
    },
    pipeline: async (name) =>
      await store.pipelines.get(name) ?? Promise.reject(new AppError("not_found", "none")),
    onChange: () => {},
  });
}

/** Fires a schedule where runs of its pipeline go on and wait, by each `overlap`; returns what became of them. */
async function fire(
  overlap: "skip" | "queue" | "cancel_previous",
  prepare: (store: Store) => Promise<unknown>,
  isMadeUp = false,
) {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const definition = { ...revision().definition, overlap };
  await store.revisions.save(revision({ id: "rev-a", definition }), []);
  await store.pipelines.put({ name: "a", origin: "files", revision: "rev-a", faults: [] });
  await prepare(store);
  const stopped: string[] = [];
  const requests = requestsOf(store, stopped);
  equal((await requests.fire([{ pipeline: "a", atMs: 9_000, isMadeUp }])).size, 0);
  const runs = (await store.runs.list({ limit: 9 })).toReversed();
  return {
    runs: runs.map(({ id, state, trigger }) => trigger === "schedule" ? `fired ${state}` : `${id} ${state}`),
    stopped,
  };
}

const window = { startMs: 1, endMs: 2 };
/** One goes on, one waits, and one of a backfill waits. */
const three = async (store: Store) => {
  await store.runs.create(newRun("one"));
  await claim(store, "me", 2_000);
  await store.runs.create(newRun("two"));
  await store.runs.create(newRun("day", { trigger: "backfill", window, group: "g" }));
};

Deno.test("a firing is left out, queued, or takes the place of what is there, as overlap says", async () => {
  const there = ["one running", "two queued", "day queued"];
  deepEqual(await fire("skip", three), { runs: there, stopped: [] });
  deepEqual(await fire("queue", three), { runs: [...there, "fired queued"], stopped: [] });
  deepEqual(await fire("cancel_previous", three), {
    runs: ["one running", "two cancelled", "day queued", "fired queued"],
    stopped: ["one true"],
  });
});

Deno.test("each firing that is made up for has its run, whatever overlap says", async () => {
  const there = ["one running", "two queued", "day queued"];
  for (const overlap of ["skip", "cancel_previous"] as const) {
    deepEqual(await fire(overlap, three, true), { runs: [...there, "fired queued"], stopped: [] });
  }
});

Deno.test("a paused pipeline is not fired, nor does the same firing make a second run", async () => {
  deepEqual((await fire("queue", (store) => store.pipelines.setPaused("a", true))).runs, []);
  const key = { idempotencyKey: `schedule ${new Date(9_000).toISOString()}`, trigger: "schedule" } as const;
  deepEqual((await fire("queue", (store) => store.runs.create(newRun("one", key)))).runs, ["fired queued"]);
});

Deno.test("a backfill keeps no firing from its run", async () => {
  const backfill = async (store: Store) => {
    await store.runs.create(newRun("day", { trigger: "backfill", window, group: "g" }));
    await claim(store, "me", 2_000);
  };
  deepEqual((await fire("skip", backfill)).runs, ["day running", "fired queued"]);
});

Deno.test("firings of one moment are queued together: each as its pipeline says, and one that fails holds up no other", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const add = async (
    name: string,
    overlap: "skip" | "queue" | "cancel_previous",
    faults: readonly Fault[] = [],
  ) => {
    const definition = { ...revision().definition, overlap };
    await store.revisions.save(revision({ id: `rev-${name}`, pipeline: name, definition }), []);
    const right = faults.length === 0 ? { revision: `rev-${name}` } : {};
    await store.pipelines.put({ name, origin: "files", faults, ...right });
  };
  for (const name of ["busy", "idle", "paused"]) await add(name, "skip");
  await add("queued", "queue");
  await add("next", "cancel_previous");
  await add("wrong", "queue", [{ severity: "error", file: "pipelines/wrong.yaml", message: "no" }]);
  await store.pipelines.setPaused("paused", true);
  for (const pipeline of ["busy", "queued", "next"]) {
    await store.runs.create(newRun(`before ${pipeline}`, { pipeline }));
  }
  const requests = requestsOf(store, []);
  const names = ["busy", "wrong", "idle", "gone", "paused", "queued", "next"];
  const firings = [
    ...names.map((pipeline) => ({ pipeline, atMs: 9_000, isMadeUp: false })),
    // Of an earlier moment that is late: its run is there when the later ones ask.
    { pipeline: "idle", atMs: 8_000, isMadeUp: false },
    { pipeline: "busy", atMs: 8_000, isMadeUp: true },
  ];
  const failures = await requests.fire(firings);
  deepEqual([...failures].map(([{ pipeline }, { code }]) => `${pipeline} ${code}`), [
    "gone not_found",
    "wrong invalid",
  ]);
  const all = async () =>
    (await store.runs.list({ limit: 99 })).map((run) => `${run.pipeline} ${run.triggered_by} ${run.state}`)
      .toSorted();
  const expected = [
    "busy 1970-01-01T00:00:08.000Z queued",
    "busy null queued",
    "idle 1970-01-01T00:00:09.000Z queued",
    "next 1970-01-01T00:00:09.000Z queued",
    "next null cancelled",
    "queued 1970-01-01T00:00:09.000Z queued",
    "queued null queued",
  ];
  deepEqual(await all(), expected);
  // The server died before it wrote down how far it was: they come again.
  await requests.fire(firings);
  deepEqual(await all(), expected);
});
