import assert from "node:assert/strict";
import { type TurnOptions, Turns } from "../../../../../engine/control/services/turns.ts";
import { settle } from "../../../../support/fake_clock.ts";

function setUp() {
  const turns = new Turns({
    atOnce: 2,
    waiting: 2,
    refusal: "too many",
  });
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const take = (name: string, options: TurnOptions = {}) =>
    turns.take(async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      return name;
    }, options);
  return { begun, take, end: (name: string) => ends.get(name)?.() };
}

Deno.test("work goes on a few pieces at a time, in the order in which it came, and is refused beyond", async () => {
  const { begun, take, end } = setUp();
  const all = ["a", "b", "c", "d"].map((name) => take(name));
  await settle();
  assert.deepEqual(begun, ["a", "b"]);
  await assert.rejects(take("e"), {
    code: "unavailable",
    reason: "too_many_requests",
    message: "too many",
  });
  end("b");
  await settle();
  assert.deepEqual(begun, ["a", "b", "c"]);
  end("a");
  await settle();
  end("c");
  end("d");
  assert.deepEqual(await Promise.all(all), ["a", "b", "c", "d"]);
  const last = take("f");
  await settle();
  end("f");
  assert.equal(await last, "f");
});

Deno.test("whoever leaves the line takes nobody's place, and a failure gives its own back", async () => {
  const { begun, take, end } = setUp();
  const gone = new AbortController();
  const held = [take("a"), take("b")];
  const left = take("c", { signal: gone.signal });
  const next = take("d");
  await settle();
  gone.abort(new Error("gone"));
  await assert.rejects(left, /gone/);
  end("a");
  await settle();
  assert.deepEqual(begun, ["a", "b", "d"]);
  end("b");
  end("d");
  await Promise.all([...held, next]);
  const turns = new Turns({ atOnce: 1, waiting: 0, refusal: "too many" });
  await assert.rejects(turns.take(() => Promise.reject(new Error("broken"))), /broken/);
  assert.equal(await turns.take(() => Promise.resolve(1)), 1);
});

Deno.test("those of the first line go before the others, and each line has its own room", async () => {
  const { begun, take, end } = setUp();
  const all = [take("a"), take("b"), take("c"), take("d"), take("e", { isFirst: true })];
  await settle();
  end("a");
  await settle();
  end("b");
  await settle();
  assert.deepEqual(begun, ["a", "b", "e", "c"]);
  for (const name of ["e", "c"]) end(name);
  await settle();
  end("d");
  assert.deepEqual(await Promise.all(all), ["a", "b", "c", "d", "e"]);
});
