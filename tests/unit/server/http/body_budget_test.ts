import { equal, throws } from "node:assert/strict";
import { BodyBudget } from "../../../../server/http/body_budget.ts";

const KIB = 1_024;
const refused = (error: Error & { status?: number; reason?: string }) => {
  equal(error.status, 429);
  equal(error.reason, "too_many_requests");
  return true;
};

Deno.test("bodies have room by address and together, and give it back", () => {
  const budget = new BodyBudget({ total: 300 * KIB, perAddress: 200 * KIB });
  const [first, second, third] = ["a", "a", "b"].map((address) => budget.open(address));
  first?.take(64 * KIB);
  equal(budget.held, 0);
  first?.take(150 * KIB);
  second?.take(100 * KIB);
  equal(budget.held, 186 * KIB);
  throws(() => second?.take(15 * KIB), refused);
  third?.take(64 * KIB + 100 * KIB);
  throws(() => third?.take(15 * KIB), refused);
  first?.release();
  second?.take(15 * KIB);
  third?.take(15 * KIB);
  for (const share of [first, second, third]) share?.release();
  equal(budget.held, 0);
});

Deno.test("a small body has its place whatever others hold", () => {
  const budget = new BodyBudget({ total: 10 * KIB, perAddress: 10 * KIB });
  budget.open("a").take(74 * KIB);
  const small = budget.open("a");
  small.take(60 * KIB);
  throws(() => small.take(10 * KIB), refused);
  small.release();
  equal(budget.held, 10 * KIB);
});
