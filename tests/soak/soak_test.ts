import { deepEqual } from "node:assert/strict";
import { soak } from "./soak.ts";

/** Light, so that it takes little from the tests beside which it runs: `deno task soak` does more. */
Deno.test("ten minutes of small runs leave no process, file or connection behind, and the server as large as it was", async () => {
  const report = await soak({
    durationMs: 6.5 * 60_000,
    warmUpMs: 90_000,
    pauseMs: 13_000,
    sampleEveryMs: 10_000,
    everySeconds: 60,
  });
  deepEqual(report.leaks, [], JSON.stringify(report));
});
