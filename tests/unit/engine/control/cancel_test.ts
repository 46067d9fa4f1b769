import { deepEqual, equal } from "node:assert/strict";
import { connectors } from "../../../../connectors/registry.ts";
import { RunRequests } from "../../../../engine/control/run_requests.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { claim, newRun, StoreFixture } from "../store/store_fixture.ts";

/** Requests to a server that has the run "r" under way, over a store that may be out of order; and what it logs. */
async function withRun(
  runs: Partial<Store["runs"]>,
  work: (store: Store, requests: RunRequests, log: readonly string[]) => Promise<void>,
): Promise<void> {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await claim(store, "me", 2_000);
  const log: string[] = [];
  const requests = new RunRequests({
    store: { ...store, runs: { ...store.runs, ...runs } },
    connectors,
    clock: new FakeClock(9_000),
    log: (_level, message) => void log.push(message),
    queue: { cancel: () => Promise.resolve(true), cancelOrphan: () => Promise.resolve(undefined) },
    pipeline: () => Promise.reject(new Error("none")),
    onChange: () => {},
  });
  await work(store, requests, log);
}

Deno.test("a cancel that was taken is known to the next server, where this one dies before the run has stopped", async () => {
  await withRun({}, async (store, requests) => {
    equal((await requests.cancel("r", "Ann")).state, "running");
    deepEqual((await store.attempts.ofOthers("next")).map(({ cancelAskedBy }) => cancelAskedBy), ["Ann"]);
  });
});

Deno.test("a run is stopped also where the store cannot be written", async () => {
  const askCancel = () => Promise.reject(new Error("the disk is full"));
  await withRun({ askCancel }, async (_store, requests, log) => {
    equal((await requests.cancel("r", "Ann")).state, "running");
    deepEqual(log, ["a run is cancelled, but would go on if the server died now"]);
  });
});
