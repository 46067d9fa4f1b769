import assert from "node:assert/strict";
import { readRequestRate, RequestRate } from "../../../../server/http/request_rate.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { ApiFixture } from "./api_fixture.ts";

const statusOf = async (response: Response): Promise<number> => {
  await response.body?.cancel();
  return response.status;
};

Deno.test("a key has its burst, then its even rate, whatever others send", async () => {
  const clock = new FakeClock(0);
  const rate = new RequestRate({ clock, perSecond: 2, burst: 5 });
  const take = (key: string, times: number) => Array.from({ length: times }, () => rate.take(key));
  assert.deepEqual(take("a", 6), [0, 0, 0, 0, 0, 1]);
  assert.deepEqual(take("b", 1), [0]);
  await clock.advance(1_000);
  assert.deepEqual(take("a", 3), [0, 0, 1]);
  rate.giveBack("a");
  assert.deepEqual(take("a", 2), [0, 1]);
  await clock.advance(3_600_000);
  assert.equal(take("a", 9).filter((seconds) => seconds === 0).length, 5);
});

Deno.test("however many keys come, a bounded number is remembered", () => {
  const rate = new RequestRate({ clock: new FakeClock(0), perSecond: 1, burst: 1, keys: 3 });
  for (const key of ["a", "b", "c"]) assert.equal(rate.take(key), 0);
  assert.equal(rate.take("a"), 1);
  assert.equal(rate.take("d"), 0);
  assert.equal(rate.take("a"), 1, "what sends is remembered");
  assert.equal(rate.take("b"), 0, "what was silent longest is forgotten");
});

Deno.test("users are held to their own rate, addresses to what nobody known asks, and this machine to none", async () => {
  await using api = await ApiFixture.create({ perSecond: 1 });
  const ask = async (from: string, as?: "viewer" | "admin") =>
    await statusOf(await api.ask("/api/runs", as === undefined ? { from } : { from, as }));
  const many = async (times: number, from: string, as?: "viewer" | "admin") => {
    const found = new Map<number, number>();
    for (let index = 0; index < times; index++) {
      const status = await ask(from, as);
      found.set(status, (found.get(status) ?? 0) + 1);
    }
    return Object.fromEntries(found);
  };
  assert.deepEqual(await many(25, "192.0.2.1", "viewer"), { 200: 20, 429: 5 });
  assert.equal(await ask("192.0.2.1", "admin"), 200, "others of the address go on");
  const refused = await api.ask("/api/runs", { as: "viewer" });
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal((await refused.json()).reason, "too_many_requests");
  await api.clock.advance(1_000);
  assert.equal(await ask("192.0.2.1", "viewer"), 200);
  assert.deepEqual(await many(12, "192.0.2.9"), { 401: 10, 429: 2 });
  assert.equal(await ask("192.0.2.9", "admin"), 200, "nobody is locked out by another of the address");
  assert.deepEqual(await many(25, "127.0.0.1"), { 401: 25 });
  assert.equal(await statusOf(await api.ask("/healthz", { from: "192.0.2.9" })), 200);
});

Deno.test("SLUICE_REQUEST_RATE is a whole number, and 0 for none", () => {
  assert.deepEqual([undefined, "", "7", "0"].map(readRequestRate), [100, 100, 7, undefined]);
  for (const wrong of ["-1", "1.5", "many", "1e3"]) {
    assert.throws(() => readRequestRate(wrong), /SLUICE_REQUEST_RATE is/);
  }
});
