import { deepEqual, equal, rejects } from "node:assert/strict";
import { PlaceBudget } from "../../../../engine/worker/budget.ts";

const never = new AbortController().signal;

Deno.test("PlaceBudget gives places in the order in which they are asked for, each once", async () => {
  const budget = new PlaceBudget(1);
  const order: string[] = [];
  const first = await budget.acquire(never);
  const second = budget.acquire(never).then((place) => {
    order.push("second");
    return place;
  });
  const third = budget.acquire(never).then((place) => {
    order.push("third");
    return place;
  });
  deepEqual(order, []);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  using _second = await second;
  await Promise.resolve();
  deepEqual(order, ["second"], "a place that is given back twice is one place");
  _second[Symbol.dispose]();
  using _third = await third;
  deepEqual(order, ["second", "third"]);
});

Deno.test("PlaceBudget.acquire() throws the signal's reason, and passes the place to the next", async () => {
  const budget = new PlaceBudget(1);
  const held = await budget.acquire(never);
  const stop = new AbortController();
  const stopped = budget.acquire(stop.signal);
  const next = budget.acquire(never);
  stop.abort(new Error("enough"));
  await rejects(stopped, /enough/);
  held[Symbol.dispose]();
  using place = await next;
  equal(typeof place[Symbol.dispose], "function");
  await rejects(budget.acquire(stop.signal), /enough/);
});
