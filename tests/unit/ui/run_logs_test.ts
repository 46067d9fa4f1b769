import { deepEqual, equal } from "node:assert/strict";
import type { LogLine } from "../../../contract/run.ts";
import type { LogRange } from "../../../engine/control/engine.ts";
import { readLastLogs, streamLogText } from "../../../ui/pages/logs/run_logs.ts";

/** A log whose seqs have gaps, as the store allows. */
function logOf(count: number): LogLine[] {
  return Array.from({ length: count }, (_, index) => ({
    seq: index * 2 + 1,
    at: "2026-07-30T12:00:00.000Z",
    level: "info",
    attempt: 1,
    step: index === 0 ? null : "extract:a",
    message: index === 0 ? "\u001b[31mfirst" : `line ${index}`,
  }));
}

function engineWith(lines: readonly LogLine[]) {
  return {
    getRunLogs: (_id: string, { afterSeq = 0, limit = 1_000 }: LogRange) =>
      Promise.resolve(lines.filter((line) => line.seq > afterSeq).slice(0, limit)),
  };
}

Deno.test("readLastLogs() gives the whole of a short log", async () => {
  const lines = logOf(3);
  deepEqual(await readLastLogs(engineWith(lines), "r"), { logs: lines, hasOlderLogs: false });
  deepEqual(await readLastLogs(engineWith([]), "r"), { logs: [], hasOlderLogs: false });
});

Deno.test("readLastLogs() gives the end of a log that the engine hands out in parts", async () => {
  const lines = logOf(20_003);
  const { logs, hasOlderLogs } = await readLastLogs(engineWith(lines), "r");
  deepEqual([logs.length, logs.at(-1)?.seq, hasOlderLogs], [1_000, 40_005, true]);
});

Deno.test("streamLogText() writes every line once, without terminal sequences", async () => {
  const text = await new Response(streamLogText(engineWith(logOf(10_001)), "r")).text();
  const lines = text.trimEnd().split("\n");
  equal(lines.length, 10_001);
  equal(lines[0], "2026-07-30T12:00:00.000Z info  first");
  equal(lines[10_000], "2026-07-30T12:00:00.000Z info  extract:a: line 10000");
});
