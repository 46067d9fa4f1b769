import assert from "node:assert/strict";
import { AttemptLimit } from "../../../../server/auth/attempt_limit.ts";
import { FakeClock } from "../../../support/fake_clock.ts";

Deno.test("waitMs() is 0 until an address failed too often, then what is left of the window", async () => {
  const clock = new FakeClock(0);
  const limit = new AttemptLimit({ clock, failures: 3, windowMs: 10_000 });
  for (const expected of [0, 0, 0]) {
    assert.equal(limit.waitMs("192.0.2.1"), expected);
    limit.fail("192.0.2.1");
  }
  await clock.advance(4_000);
  assert.equal(limit.waitMs("192.0.2.1"), 6_000);
  assert.equal(limit.waitMs("192.0.2.2"), 0);
  await clock.advance(6_000);
  assert.equal(limit.waitMs("192.0.2.1"), 0);
  limit.fail("192.0.2.1");
  assert.equal(limit.waitMs("192.0.2.1"), 0, "a new window counts from the start");
});

Deno.test("addresses of one IPv6 network count as one", () => {
  const limit = new AttemptLimit({ clock: new FakeClock(0), failures: 2 });
  limit.fail("2001:db8:1:2::1");
  limit.fail("2001:db8:1:2:ffff:0:0:9");
  assert.ok(limit.waitMs("2001:db8:1:2:3:4:5:6") > 0);
  assert.equal(limit.waitMs("2001:db8:1:3::1"), 0);
  limit.fail("::ffff:192.0.2.1");
  limit.fail("::ffff:192.0.2.1");
  assert.equal(limit.waitMs("::ffff:192.0.2.2"), 0);
});

Deno.test("the oldest addresses are forgotten beyond the number that is kept", () => {
  const limit = new AttemptLimit({ clock: new FakeClock(0), failures: 1, addresses: 100 });
  for (let n = 0; n < 150; n++) limit.fail(`address ${n}`);
  const waiting = Array.from({ length: 150 }, (_, n) => n).filter((n) => limit.waitMs(`address ${n}`) > 0);
  assert.deepEqual([waiting.length, waiting[0]], [100, 50]);
});
