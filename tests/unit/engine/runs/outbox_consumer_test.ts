import { deepEqual, equal } from "node:assert/strict";
import { OutboxConsumer } from "../../../../engine/runs/outbox_consumer.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { FakeClock, settle } from "../../../support/fake_clock.ts";
import { claim, lease, newRun, outcome, StoreFixture } from "../store/store_fixture.ts";

/** A reader that writes down what it gets as `run state`, and fails as often as `failures` says. */
function reader(store: Store, clock: FakeClock) {
  const [heard, log]: [string[], string[]] = [[], []];
  const state = { failures: 0 };
  const start = (): OutboxConsumer => {
    const consumer = new OutboxConsumer({
      name: "alerts",
      outbox: store.outbox,
      clock,
      log: (_level, message) => void log.push(message),
      onEvents(events) {
        if (state.failures-- > 0) return Promise.reject(new Error("no"));
        heard.push(...events.map(({ run }) => `${run.id} ${run.state}`));
        return Promise.resolve();
      },
    });
    consumer.start();
    return consumer;
  };
  return { heard, log, state, start };
}

Deno.test("a new reader begins with what happens from now on, and goes on after a restart where it was", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const clock = new FakeClock(0);
  await store.runs.create(newRun("before"));
  await store.runs.cancelQueued("before", 1, "asked", null);
  const { heard, start } = reader(store, clock);
  const first = start();
  await settle();
  await store.runs.create(newRun("r"));
  first.wake();
  await settle();
  deepEqual(heard, ["r queued"]);
  await first.stop();

  // While no reader is there.
  await claim(store, "me", 2_000);
  await store.attempts.finish(lease("r"), "succeed", outcome());
  const second = start();
  await settle();
  deepEqual(heard, ["r queued", "r running", "r succeeded"]);
  await store.runs.create(newRun("q", { pipeline: "b" }));
  await clock.advance(2_000);
  await settle();
  equal(heard.at(-1), "q queued", "found without being woken");
  await second.stop();
});

Deno.test("what a reader could not deal with comes again, with pauses that grow, and nothing is left out", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const clock = new FakeClock(0);
  const { heard, log, state, start } = reader(store, clock);
  const consumer = start();
  await settle();
  state.failures = 2;
  await store.runs.create(newRun("r"));
  consumer.wake();
  await settle();
  consumer.wake();
  await settle();
  deepEqual([heard, log.length], [[], 1], "waking it does not shorten its pause");
  await clock.advance(1_000);
  await store.runs.cancelQueued("r", 1, "asked", null);
  await clock.advance(1_999);
  deepEqual([heard, log.length], [[], 2]);
  await clock.advance(1);
  await settle();
  deepEqual(heard, ["r queued", "r cancelled"]);
  await consumer.stop();
});

Deno.test("the outbox keeps what a reader has not dealt with, however old it is", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const place = await store.outbox.cursor("alerts");
  await store.runs.create(newRun("r", { createdAtMs: 1 }));
  await store.runs.cancelQueued("r", 2, "asked", null);
  equal(await store.retention.forgetMessages(1_000), 0);
  await store.outbox.advance("alerts", place + 1);
  await store.outbox.advance("alerts", place);
  equal(await store.outbox.cursor("alerts"), place + 1, "it never goes back");
  equal(await store.retention.forgetMessages(1_000), 1);
  deepEqual((await store.outbox.read(0, 9)).map(({ run }) => run.state), ["cancelled"]);
});
