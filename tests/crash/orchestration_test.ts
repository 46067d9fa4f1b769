import { deepEqual, ok } from "node:assert/strict";
import { runOrchestration } from "./orchestration/campaign.ts";

/** A slice of `deno task crash --orchestration`, each time another one. */
Deno.test("a server that is killed at random moments under load loses, doubles and forgets nothing", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  console.log(`seed ${seed}`);
  const { faults, killed, runs } = await runOrchestration({
    seed,
    troubles: 12,
    servers: 1,
    pauseMs: 1_500,
    onTrouble: (line) => console.log(line),
  });
  deepEqual(faults, [], `seed ${seed}`);
  ok(killed > 0 && runs > 10, `${killed} killed, ${runs} runs`);
});
