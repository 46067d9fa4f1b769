import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { RunEvent, Step } from "../../../../contract/run.ts";
import { createRunDisplay } from "../../../../server/cli/run_display.ts";
import { NO_PROGRESS } from "../../../../contract/runs/progress.ts";
import { RecordedTerminal } from "../../../support/recorded_terminal.ts";

const STEP: Step = {
  name: "extract:orders",
  kind: "extract",
  state: "running",
  attempt: 1,
  rows: null,
  size_bytes: null,
  started_at: null,
  finished_at: null,
  duration_ms: null,
  error: null,
  sql: null,
  depends: [],
};

const ended = (change: Partial<Step>): RunEvent => ({
  type: "step",
  step: { ...STEP, state: "succeeded", rows: 1_204, size_bytes: 83_000, duration_ms: 420, ...change },
});

Deno.test("the plain display prints each ended step once", () => {
  const terminal = new RecordedTerminal();
  using display = createRunDisplay(terminal);
  display.show({ type: "step", step: STEP });
  display.show({ type: "progress", step: STEP.name, ...NO_PROGRESS, rows: 500 });
  display.show(ended({}));
  display.show(ended({}));
  deepStrictEqual(terminal.notes, [`✓ ${"extract:orders".padEnd(36)}  1,204 rows  83.0 kB  420 ms`]);
});

Deno.test("the plain display leaves out checks that pass and shows those that do not", () => {
  const terminal = new RecordedTerminal();
  using display = createRunDisplay(terminal);
  display.show(ended({ name: "check:a", kind: "check", rows: 0 }));
  display.show(ended({ name: "check:b", kind: "check", state: "warned", rows: 3 }));
  strictEqual(terminal.notes.length, 1);
  match(terminal.notes[0] ?? "", /^! check:b +3 rows .* warned$/);
});

Deno.test("the plain display shows a failed step's message on one line", () => {
  const terminal = new RecordedTerminal();
  using display = createRunDisplay(terminal);
  display.show(ended({ state: "failed", error: { code: "invalid", message: "first\nsecond \x1b[31mred" } }));
  match(terminal.notes[0] ?? "", /failed\n {4}first second \[31mred$/);
});

Deno.test("the plain display shows a warning once, where it comes as a step and in the log", () => {
  const terminal = new RecordedTerminal();
  using display = createRunDisplay(terminal);
  const line = {
    seq: 1,
    at: "2026-07-30T12:00:00.000Z",
    level: "warn",
    attempt: 1,
    step: "check:b",
  } as const;
  display.show(
    ended({ name: "check:b", kind: "check", state: "warned", error: { code: "invalid", message: "3 rows" } }),
  );
  display.show({ type: "log", line: { ...line, message: "3 rows" } });
  display.show({ type: "log", line: { ...line, message: "a file was empty" } });
  display.show({ type: "log", line: { ...line, message: "all is well", level: "info" } });
  strictEqual(terminal.notes.length, 2);
  strictEqual(terminal.notes[1], "! a file was empty");
});

Deno.test("the live display takes back all that it drew", () => {
  const terminal = new RecordedTerminal({ isLive: true });
  {
    using display = createRunDisplay(terminal);
    display.show({ type: "step", step: STEP });
    const traffic = { requests: 6, pages: 5, retries: 0, redirects: 0, waited_ms: 0 };
    display.show({ type: "progress", step: STEP.name, ...NO_PROGRESS, rows: 500, traffic });
    display.show(ended({ name: "extract:other" }));
  }
  match(terminal.drawn.join(""), /extract:orders +500 rows +6 requests, 5 pages /);
  // Every drawn block of lines is followed by the sequence that goes up over it and clears.
  deepStrictEqual(terminal.drawn.at(-1), "\x1b[1A\x1b[J");
});

Deno.test("the live display says how fast a step goes and how long it may take", () => {
  const terminal = new RecordedTerminal({ isLive: true });
  {
    using display = createRunDisplay(terminal);
    display.show({ type: "step", step: STEP });
    const ends_at = new Date(Date.now() + 125_000).toISOString();
    const known = {
      rows: 500,
      rows_per_second: 12_345,
      total_rows: 1_000,
      ends_at,
      ends_by: "source",
    } as const;
    display.show({ type: "progress", step: STEP.name, ...NO_PROGRESS, ...known });
    display.note("drawn");
  }
  match(terminal.drawn.join(""), /500 rows .* {2}50 % {2}~2 min left {2}12/);
});
