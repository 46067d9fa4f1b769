import type { AttemptFact, RunFact } from "./evidence.ts";
import { WINDOWS } from "./project.ts";
import type { Witnesses } from "./verdict.ts";

/** What there is where all went well; a test takes something away, and asks whether that is seen. */
export function soundWitnesses(): Witnesses {
  const runs = [
    ...[0, 1, 2].map((n) => run(`reading${n}`, "readings", { trigger: "schedule", triggered_by: at(n) })),
    ...[0, 1, 2].map((n) => run(`following${n}`, "following", { trigger: "after", parent: `reading${n}` })),
    run("ask1", "asked"),
    run("shaky1", "shaky", { state: "failed", error: "boom" }),
    run("shaky2", "shaky"),
    ...Array.from({ length: WINDOWS }, (_, n) => run(`filled${n}`, "filled", { trigger: "backfill" })),
  ];
  const rows = (...values: readonly (readonly string[])[]) => values;
  const ids = (pipeline: string) => runs.filter((one) => one.pipeline === pipeline).map(({ id }) => id);
  const filled = ids("filled");
  return {
    said: {
      taken: new Set([1, 2]),
      unknown: new Set([3]),
      refused: new Set([4]),
      asked: new Map([[1, "ask1"]]),
      shaky: new Map([["shaky1", true], ["shaky2", false]]),
      readings: 2,
      wrong: [],
    },
    evidence: {
      runs,
      attempts: runs.map(({ id, state }) => attempt(id, 1, state)),
      ends: new Map(runs.map(({ id }) => [id, 1])),
      heldSlots: 0,
      deliveries: ["p1", "m1"].map((id) => ({ id, state: "sent", attempt: 1 })),
      openPosts: 0,
      tables: new Map([
        ["reads", ids("readings").map((id) => [id, "2"])],
        ["followed", ids("following").map((id) => [id])],
        ["asked", rows(["ask1", "1"])],
        ["filled", filled.map((id, n) => [id, at(n)])],
        ["readings", rows(["1"], ["2"])],
        ["raw.readings", rows(["1"], ["2"])],
        ["orders", rows(["1"], ["2"], ["3"])],
        ["raw.orders", rows(["1"], ["2"], ["3"])],
      ]),
      strayTables: [],
      litter: [],
    },
    got: [
      { receiver: "pager", id: "p1", isRepeated: false, events: ["failure shaky1"] },
      { receiver: "mails", id: "m1", isRepeated: false, events: ["failure"] },
      { receiver: "pager", id: "p1", isRepeated: true, events: ["failure shaky1"] },
    ],
    processes: [],
    everyMs: EVERY_MS,
  };
}

const EVERY_MS = 1_000;
const at = (n: number): string => new Date(n * EVERY_MS).toISOString();

function run(id: string, pipeline: string, change: Partial<RunFact> = {}): RunFact {
  return {
    id,
    pipeline,
    state: "succeeded",
    trigger: "api",
    triggered_by: null,
    parent: null,
    attempt: 1,
    owner: null,
    error: null,
    ...change,
  };
}

export const attempt = (run: string, number: number, state: string): AttemptFact => ({
  run,
  attempt: number,
  state,
  ended_at: 1,
});
