import { deepEqual } from "node:assert/strict";
import { OutboxRelay } from "../../../../engine/runs/outbox_relay.ts";
import { RunEvents } from "../../../../engine/runs/run_events.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { FakeClock, settle } from "../../../support/fake_clock.ts";
import { claim, lease, newRun, outcome, StoreFixture } from "../store/store_fixture.ts";

interface Context {
  readonly store: Store;
  readonly relay: OutboxRelay;
  readonly clock: FakeClock;
  /** What followers of run `r` have heard, as `state attempt`. */
  readonly heard: string[];
  readonly log: string[];
}

async function withRelay(
  work: (context: Context) => Promise<void>,
  outbox: (real: Store["outbox"]) => Partial<Store["outbox"]> = () => ({}),
): Promise<void> {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("before"));
  await store.runs.cancelQueued("before", 1, "asked", null);
  const clock = new FakeClock(0);
  const events = new RunEvents();
  const [heard, log]: [string[], string[]] = [[], []];
  const relay = new OutboxRelay({
    outbox: { ...store.outbox, ...outbox(store.outbox) },
    events,
    clock,
    log: (_level, message) => void log.push(message),
  });
  const stop = new AbortController();
  const following = (async () => {
    for await (const event of events.follow("r", stop.signal)) {
      if (event.type === "run") heard.push(`${event.run.state} ${event.run.attempt}`);
    }
  })();
  await relay.start();
  try {
    await work({ store, relay, clock, heard, log });
  } finally {
    await relay.stop();
    stop.abort();
    await following;
  }
}

Deno.test("followers hear of each change that the store has, in order and once, however often it is woken", async () => {
  await withRelay(async ({ store, relay, heard }) => {
    await store.runs.create(newRun("r"));
    relay.wake();
    await claim(store, "me", 2_000);
    for (let n = 0; n < 5; n++) relay.wake();
    await store.attempts.finish(lease("r", 7), "succeed", outcome());
    await store.attempts.finish(lease("r"), "succeed", outcome());
    relay.wake();
    await relay.catchUp();
    await settle();
    deepEqual(heard, ["queued 0", "running 1", "succeeded 1"]);
  });
});

Deno.test("changes that another server wrote are found without being woken, and what was told is marked", async () => {
  const marked: number[] = [];
  await withRelay(async ({ store, clock, heard }) => {
    await store.runs.create(newRun("r"));
    await clock.advance(2_000);
    await settle();
    deepEqual([heard, marked], [["queued 0"], []]);
    await clock.advance(2_000);
    await settle();
    deepEqual(marked, [await store.outbox.lastSeq()]);
  }, (real) => ({
    markDelivered(uptoSeq, atMs) {
      marked.push(uptoSeq);
      return real.markDelivered(uptoSeq, atMs);
    },
  }));
});

Deno.test("a store that cannot be read is asked again, and nothing is lost or told twice", async () => {
  let isBroken = true;
  await withRelay(async ({ store, relay, clock, heard, log }) => {
    await store.runs.create(newRun("r"));
    relay.wake();
    await settle();
    deepEqual([heard, log], [[], ["the outbox cannot be read; trying again"]]);
    isBroken = false;
    await clock.advance(2_000);
    await settle();
    relay.wake();
    await relay.catchUp();
    await settle();
    deepEqual(heard, ["queued 0"]);
  }, (real) => ({
    read: (...args) => isBroken ? Promise.reject(new Error("no disk")) : real.read(...args),
  }));
});
