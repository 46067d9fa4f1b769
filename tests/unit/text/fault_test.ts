import assert from "node:assert/strict";
import { boundFaults, type Fault, MAX_FAULTS } from "../../../text/fault.ts";

const many = (count: number, severity: Fault["severity"]) =>
  Array.from(
    { length: count },
    (_, line): Fault => ({ file: "a.yaml", line, message: `fault ${line}`, severity }),
  );
const bound = (faults: readonly Fault[]) =>
  boundFaults<Fault>(faults, (message, severity) => ({ file: "a.yaml", message, severity }));

Deno.test("boundFaults() leaves as many as are shown, and says of more how many there are", () => {
  assert.deepEqual(bound(many(MAX_FAULTS, "error")), many(MAX_FAULTS, "error"));
  const cut = bound(many(20_000, "error"));
  assert.equal(cut.length, MAX_FAULTS + 1);
  assert.deepEqual(cut.at(-1), { file: "a.yaml", message: "and 19900 more", severity: "error" });
});

Deno.test("boundFaults() is as severe as what it leaves out", () => {
  assert.equal(bound(many(101, "warning")).at(-1)?.severity, "warning");
  assert.equal(bound([...many(100, "warning"), ...many(1, "error")]).at(-1)?.severity, "error");
});
