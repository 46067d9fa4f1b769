import { deepEqual, equal } from "node:assert/strict";
import { RUN_STATES, type RunState } from "../../../contract/run.ts";
import { isTerminal, nextState, RUN_EVENTS, type RunStateEvent } from "../../../contract/run_state.ts";

const LEGAL: readonly [RunState, RunStateEvent, RunState][] = [
  ["queued", "claim", "running"],
  ["queued", "cancel", "cancelled"],
  ["running", "succeed", "succeeded"],
  ["running", "fail", "failed"],
  ["running", "cancel", "cancelled"],
  ["running", "requeue", "queued"],
  ["failed", "retry", "queued"],
  ["cancelled", "retry", "queued"],
];

for (const state of RUN_STATES) {
  for (const event of RUN_EVENTS) {
    const legal = LEGAL.find(([from, by]) => from === state && by === event);
    Deno.test(`nextState() answers ${legal?.[2] ?? "null"} for ${event} in ${state}`, () => {
      equal(nextState(state, event), legal?.[2] ?? null);
    });
  }
}

Deno.test("isTerminal() is true just where only a person's retry can follow", () => {
  const terminal = RUN_STATES.filter(isTerminal);
  deepEqual(terminal, ["succeeded", "failed", "cancelled"]);
  for (const state of terminal) {
    for (const event of RUN_EVENTS) if (event !== "retry") equal(nextState(state, event), null);
  }
});
