import assert from "node:assert/strict";
import {
  type Attempt,
  AttemptLimit,
  type AttemptLimitOptions,
} from "../../../../server/auth/attempt_limit.ts";
import { FakeClock, settle } from "../../../support/fake_clock.ts";

/** A limit over keys of which those that begin with `right` are known. */
class Door {
  readonly clock = new FakeClock(0);
  readonly told: string[] = [];
  readonly limit: AttemptLimit<string>;
  looked = 0;

  constructor(options: Omit<AttemptLimitOptions, "clock"> = {}) {
    this.limit = new AttemptLimit<string>({
      clock: this.clock,
      onFailure: (address, isLimited) => this.told.push(`${address} ${isLimited}`),
      ...options,
    });
  }

  async ask(key: string, address = "192.0.2.1"): Promise<Attempt<string>["kind"]> {
    const find = () => {
      this.looked++;
      return Promise.resolve(key.startsWith("right") ? key : undefined);
    };
    return (await this.limit.attempt(address, key, find)).kind;
  }
}

const count = (kinds: readonly string[], kind: string) => kinds.filter((found) => found === kind).length;

Deno.test("parallel attempts with unknown keys cannot pass the limit together", async () => {
  const door = new Door();
  const asked = Promise.all(Array.from({ length: 1_000 }, (_, n) => door.ask(`wrong ${n}`)));
  await settle();
  assert.equal(door.looked, 10, "the others wait for their turn or were refused");
  await door.clock.advance(60_000);
  const kinds = await asked;
  assert.deepEqual([count(kinds, "unknown"), count(kinds, "limited")], [10, 990]);
  assert.equal(door.looked, 30, "ten at once and twenty that could wait");
  assert.deepEqual(door.told, ["192.0.2.1 false", "192.0.2.1 true"]);
});

Deno.test("the same unknown key a thousand times is looked for once and counted each time", async () => {
  const door = new Door();
  const kinds = await Promise.all(Array.from({ length: 1_000 }, () => door.ask("wrong")));
  assert.deepEqual([count(kinds, "unknown"), count(kinds, "limited")], [10, 990]);
  assert.equal(door.looked, 1);
});

Deno.test("parallel attempts with one right key are one attempt, and all succeed", async () => {
  const door = new Door();
  const kinds = await Promise.all(Array.from({ length: 500 }, () => door.ask("right")));
  assert.equal(count(kinds, "known"), 500);
  assert.deepEqual([door.looked, door.told.length], [1, 0]);
});

Deno.test("a right key gets in among others' wrong ones, more slowly where it was never seen there", async () => {
  const door = new Door();
  assert.equal(await door.ask("right"), "known");
  for (let n = 0; n < 15; n++) {
    const asked = door.ask(`wrong ${n}`);
    await settle();
    await door.clock.advance(n < 10 ? 0 : 50);
    assert.equal(await asked, n < 10 ? "unknown" : "limited");
  }
  assert.equal(await door.ask("right"), "known", "without a wait");
  const fresh = door.ask("right and new");
  await settle();
  await door.clock.advance(49);
  assert.equal(door.clock.sleepers, 1);
  await door.clock.advance(1);
  assert.equal(await fresh, "known");
  assert.equal(await door.ask("wrong", "192.0.2.2"), "unknown", "another address is not concerned");
});

Deno.test("a key that succeeded before and is unknown now counts as any other", async () => {
  const clock = new FakeClock(0);
  const limit = new AttemptLimit<string>({ clock, failures: 1 });
  assert.equal((await limit.attempt("a", "key", () => Promise.resolve("user"))).kind, "known");
  assert.equal((await limit.attempt("a", "key", () => Promise.resolve(undefined))).kind, "unknown");
  const second = limit.attempt("a", "key", () => Promise.resolve(undefined));
  await settle();
  await clock.advance(50);
  assert.deepEqual(await second, { kind: "limited", waitMs: 299_950 });
});

Deno.test("a new window counts from the start", async () => {
  const door = new Door({ failures: 1, windowMs: 10_000 });
  assert.equal(await door.ask("wrong 1"), "unknown");
  await door.clock.advance(10_000);
  assert.equal(await door.ask("wrong 2"), "unknown");
  assert.deepEqual(door.told, ["192.0.2.1 false", "192.0.2.1 true", "192.0.2.1 false", "192.0.2.1 true"]);
});

Deno.test("an attempt that could not be decided counts for nothing", async () => {
  const door = new Door({ failures: 1 });
  const broken = () => Promise.reject(new Error("the store is gone"));
  await assert.rejects(door.limit.attempt("192.0.2.1", "key", broken), /the store is gone/);
  assert.equal(await door.ask("wrong"), "unknown");
});

Deno.test("addresses of one IPv6 network count as one", async () => {
  const door = new Door({ failures: 2, waiting: 0 });
  assert.equal(await door.ask("wrong 1", "2001:db8:1:2::1"), "unknown");
  assert.equal(await door.ask("wrong 2", "2001:db8:1:2:ffff:0:0:9"), "unknown");
  assert.equal(await door.ask("wrong 3", "2001:db8:1:2:3:4:5:6"), "limited");
  assert.equal(await door.ask("wrong 3", "2001:db8:1:3::1"), "unknown");
  for (const kind of ["unknown", "unknown", "limited"]) {
    assert.equal(await door.ask(`wrong ${Math.random()}`, "::ffff:192.0.2.1"), kind);
  }
  assert.equal(await door.ask("wrong", "::ffff:192.0.2.2"), "unknown");
});

Deno.test("the oldest addresses are forgotten beyond the number that is kept", async () => {
  const door = new Door({ failures: 1, waiting: 0, addresses: 100 });
  for (let n = 0; n < 150; n++) await door.ask("wrong 1", `address ${n}`);
  assert.equal(await door.ask("wrong 2", "address 149"), "limited");
  assert.equal(await door.ask("wrong 2", "address 50"), "limited");
  assert.equal(await door.ask("wrong 2", "address 49"), "unknown");
});
