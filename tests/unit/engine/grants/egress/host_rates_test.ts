import { deepEqual, rejects } from "node:assert/strict";
import { HostRates } from "../../../../../engine/grants/egress/host_rates.ts";

/** A clock whose sleeps pass at once. */
function quickClock() {
  let nowMs = 0;
  return {
    now: () => nowMs,
    sleep: (waitMs: number) => {
      nowMs += Math.max(waitMs, 1);
      return Promise.resolve();
    },
  };
}

const signal = new AbortController().signal;

Deno.test("a host gets no more than the limit in any window, whoever asks", async () => {
  const clock = quickClock();
  const rates = new HostRates(clock);
  const at: number[] = [];
  for (let i = 0; i < 7; i++) {
    await rates.turn("a:443", { requests: 3, perMs: 1000 }, signal);
    at.push(clock.now());
  }
  deepEqual(at, [0, 0, 0, 1000, 1000, 1000, 2000]);
  await rates.turn("b:443", { requests: 3, perMs: 1000 }, signal);
  deepEqual(clock.now(), 2000);
});

Deno.test("those that ask at once go one after the other", async () => {
  const clock = quickClock();
  const rates = new HostRates(clock);
  const limit = { requests: 2, perMs: 100 };
  await Promise.all(Array.from({ length: 5 }, () => rates.turn("a:443", limit, signal)));
  deepEqual(clock.now(), 200);
});

Deno.test("a host that wants to be left alone is, by those without a limit too", async () => {
  const clock = quickClock();
  const rates = new HostRates(clock);
  rates.hold("a:443", 5000);
  rates.hold("a:443", 100);
  await rates.turn("a:443", undefined, signal);
  deepEqual(clock.now(), 5000);
});

Deno.test("who stops waiting lets the next one go", async () => {
  const rates = new HostRates({ now: () => 0, sleep: () => new Promise((done) => setTimeout(done, 1)) });
  rates.hold("a:443", 1000);
  const stop = new AbortController();
  const waiting = rates.turn("a:443", undefined, stop.signal);
  stop.abort(new Error("enough"));
  await rejects(waiting, /enough/);
  const other = new AbortController();
  const next = rates.turn("a:443", undefined, other.signal);
  other.abort(new Error("done"));
  await rejects(next, /done/);
});

Deno.test("requests that nobody counts may go unasked for a while, and a limit waits until that is over", async () => {
  const clock = quickClock();
  const rates = new HostRates(clock);
  const freeMs = await rates.turn("a:443", undefined, signal);
  deepEqual(freeMs > 0, true);
  const limit = { requests: 3, perMs: 1000 };
  deepEqual(await rates.turn("a:443", limit, signal), 0);
  deepEqual(clock.now(), freeMs);
  // From now on all are counted.
  deepEqual(await rates.turn("a:443", undefined, signal), 0);
  await rates.turn("a:443", limit, signal);
  deepEqual(clock.now(), 1000);
});
