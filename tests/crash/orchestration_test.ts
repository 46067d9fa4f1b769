import { deepEqual, ok } from "node:assert/strict";
import { runOrchestration } from "./orchestration/campaign.ts";
import type { Evidence } from "./orchestration/evidence.ts";
import { faultsOf } from "./orchestration/verdict.ts";
import { attempt, soundWitnesses } from "./orchestration/witnesses.ts";

/** A slice of `deno task crash orchestration`, each time another one. */
Deno.test("a server that is killed at random moments under load loses, doubles and forgets nothing", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  console.log(`seed ${seed}`);
  const { faults, killed, runs } = await runOrchestration({
    seed,
    troubles: 12,
    servers: 1,
    pauseMs: 1_500,
    everyMs: 4_000,
    onTrouble: (line) => console.log(line),
  });
  deepEqual(faults, [], `seed ${seed}: ${JSON.stringify(faults)}`);
  ok(killed > 0 && runs > 10, `${killed} killed, ${runs} runs`);
});

Deno.test("what is lost, doubled or left is seen", () => {
  const sound = soundWitnesses();
  deepEqual(faultsOf(sound), []);
  const { evidence, got } = sound;
  const withTable = (name: string, rows: readonly (readonly string[])[]): Partial<Evidence> => ({
    tables: new Map([...evidence.tables, [name, rows]]),
  });
  const without = (id: string): Partial<Evidence> => ({
    runs: evidence.runs.filter((run) => run.id !== id),
  });
  const changed: Readonly<Record<string, Partial<Evidence>>> = {
    "a run that goes on": { ends: new Map([...evidence.ends, ["ask1", 0]]) },
    "a run that ended twice": { ends: new Map([...evidence.ends, ["ask1", 2]]) },
    "a success that was tried again": {
      runs: evidence.runs.map((run) => run.id === "ask1" ? { ...run, attempt: 2 } : run),
      attempts: [...evidence.attempts, attempt("ask1", 2, "succeeded")],
    },
    "a firing without a run": without("reading1"),
    "a success that was not followed": without("following1"),
    "a request without a run": without("ask1"),
    "a window without a run": without("filled1"),
    "a row of a run twice": withTable("asked", [["ask1", "1"], ["ask1", "1"]]),
    "a row of the source that is missing": withTable("readings", [["1"]]),
    "a post that is missing": withTable("orders", [["2"], ["3"]]),
    "a post that came twice": withTable("raw.orders", [["1"], ["2"], ["3"], ["3"]]),
    "a post that was refused": withTable("orders", [["1"], ["2"], ["4"]]),
    "a post that waits": { openPosts: 1 },
    "an alert that waits": { deliveries: [{ id: "p1", state: "waiting", attempt: 3 }] },
    "a slot": { heldSlots: 1 },
    "a table": { strayTables: ["_sluice_stage_1"] },
    "a file": { litter: ["tmp/x"] },
  };
  for (const [what, change] of Object.entries(changed)) {
    ok(faultsOf({ ...sound, evidence: { ...evidence, ...change } }).length > 0, what);
  }
  ok(faultsOf({ ...sound, processes: [1] }).length > 0, "a process");
  const unmailed = got.filter(({ receiver }) => receiver !== "mails");
  ok(faultsOf({ ...sound, got: unmailed }).length > 0, "an alert that did not come");
  const unmarked = got.map((one) => ({ ...one, isRepeated: false }));
  ok(faultsOf({ ...sound, got: unmarked }).length > 0, "a repeat that is not marked");
});
