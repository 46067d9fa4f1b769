import assert from "node:assert/strict";
import { isFactorRequired, readFactorRequirement } from "../../../../server/auth/factors/requirement.ts";

Deno.test("who must have a factor is nobody, admins or all, and any other word stops the start", () => {
  const read = (text: string | undefined) => readFactorRequirement(() => text);
  assert.deepEqual([undefined, "", "0", "1", "admins"].map(read), [
    "nobody",
    "nobody",
    "nobody",
    "all",
    "admins",
  ]);
  for (const text of ["yes", "true", "Admins", " 1"]) {
    assert.throws(() => read(text), {
      code: "invalid",
      message: /SLUICE_REQUIRE_SECOND_FACTOR is ".*", expected/,
    });
  }
  assert.ok(!isFactorRequired("nobody", () => true));
  assert.ok(isFactorRequired("all", () => false));
  assert.ok(!isFactorRequired("admins", () => false));
  assert.ok(isFactorRequired("admins", (permission) => permission === "secrets:manage"));
});
