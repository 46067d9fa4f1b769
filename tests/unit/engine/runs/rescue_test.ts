import { deepEqual, equal } from "node:assert/strict";
import type { Clock } from "../../../../contract/clock.ts";
import { Rescuer } from "../../../../engine/runs/rescue.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { claim, lease, newRun, step, StoreFixture } from "../store/store_fixture.ts";

/** A clock that is set by hand: forwards, backwards, by any step. */
class SetClock implements Clock {
  nowMs = 1_000_000;
  now = () => this.nowMs;
  sleep = () => Promise.resolve();
}

async function withRescuer(
  isAlone: boolean,
  work: (
    context: { store: Store; clock: SetClock; look: (afterMs: number) => Promise<number> },
  ) => Promise<void>,
): Promise<void> {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await claim(store, "other", 1_000_000);
  await store.attempts.putSteps(lease("r", 1, "other"), [
    step("extract:a", { state: "succeeded" }),
    step("model:b", { state: "running" }),
    step("load:c"),
  ]);
  const clock = new SetClock();
  const rescuer = new Rescuer({ store, clock, log: () => {}, worker: "me", isAlone });
  const look = (afterMs: number) => {
    clock.nowMs += afterMs;
    return rescuer.rescue(undefined);
  };
  await work({ store, clock, look });
}

Deno.test("a lease that stands still is taken when it was watched for as long as it lasts, in small looks", async () => {
  await withRescuer(false, async ({ store, look }) => {
    equal(await look(0), 0);
    for (let n = 0; n < 6; n++) equal(await look(5_000), 0);
    equal(await look(1_000), 1);
    const run = await store.runs.get("r");
    deepEqual([run?.state, run?.attempts[0]?.state], ["queued", "lost"]);
    deepEqual(run?.steps.map(({ state }) => state), ["succeeded", "failed", "skipped"]);
  });
});

Deno.test("a clock that is set forwards or backwards takes no lease that is renewed", async () => {
  await withRescuer(false, async ({ store, look }) => {
    await look(0);
    let leaseUntilMs = 1_030_000;
    for (const jumpMs of [86_400_000, -3 * 86_400_000, 9, 86_400_000, 0, 0]) {
      equal(await look(jumpMs), 0, String(jumpMs));
      await look(9_000);
      await store.attempts.renew("other", 0, leaseUntilMs += 10_000);
      equal(await look(9_000), 0);
    }
    equal((await store.runs.get("r"))?.state, "running");
  });
});

Deno.test("a server that is alone takes up at once what a dead one left, and ends what somebody cancelled", async () => {
  await withRescuer(true, async ({ store, look }) => {
    equal(await look(0), 1);
    equal((await store.runs.get("r"))?.state, "queued");
  });
  await withRescuer(true, async ({ store, look }) => {
    await store.runs.askCancel("r", "Ann");
    equal(await look(0), 1);
    const run = await store.runs.get("r");
    deepEqual([run?.state, run?.cancelled_by], ["cancelled", "Ann"]);
    deepEqual(run?.steps.map(({ state }) => state), ["succeeded", "cancelled", "cancelled"]);
  });
});
