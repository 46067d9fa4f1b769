import { deepEqual, ok } from "node:assert/strict";
import { runCampaign } from "./campaign/campaign.ts";

/** A slice of `deno task crash`: the same cases each time, as many as there is time for. */
Deno.test("loads that are killed, cut off and left without room lose and double nothing", async () => {
  const { cases, failures, wrong } = await runCampaign({
    seed: 4_000,
    cases: 53,
    limitMs: 40_000,
    atOnce: 2,
    onCase: () => {},
  });
  deepEqual(wrong, []);
  ok(cases > 0 && failures > 0);
});

Deno.test("so do streams that follow changes", async () => {
  const { cases, failures, wrong } = await runCampaign({
    seed: 106,
    cases: 6,
    sources: ["postgres-cdc", "mysql-cdc"],
    limitMs: 25_000,
    atOnce: 2,
    onCase: () => {},
  });
  deepEqual(wrong, []);
  ok(cases > 0 && failures > 0);
});
