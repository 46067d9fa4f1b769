import { deepEqual } from "node:assert/strict";
import { connectors } from "../../../../connectors/registry.ts";
import { RunRequests } from "../../../../engine/control/run_requests.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { claim, newRun, revision, StoreFixture } from "../store/store_fixture.ts";

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
  const requests = new RunRequests({
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
    pipeline: async (name) => await store.pipelines.get(name) ?? Promise.reject(new Error("none")),
    onChange: () => {},
  });
  await requests.fire({ pipeline: "a", atMs: 9_000, isMadeUp });
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
