import { deepEqual } from "node:assert/strict";
import { LIGHT, soak } from "./soak.ts";

/** Light, so that it takes little from the tests beside which it runs: `deno task soak` does more. */
Deno.test("ten minutes of small runs leave no process, file or connection behind, and the server as large as it was", async () => {
  const report = await soak(LIGHT);
  deepEqual(report.leaks, [], JSON.stringify(report));
});
