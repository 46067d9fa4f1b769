import { deepEqual, equal, rejects } from "node:assert/strict";
import { AppError } from "../../../../../contract/errors.ts";
import type { Report } from "../../../../../contract/jobs/reports.ts";
import { followReports, StderrLines } from "../../../../../engine/runs/attempt/follow_reports.ts";
import type { RunProcess } from "../../../../../engine/runs/attempt/spawn.ts";

/** A process that has said all of it; `done` has what was done to it. */
function processThatSays(reports: readonly Report[]): { process: RunProcess; done: string[] } {
  const done: string[] = [];
  const process: RunProcess = {
    pid: 1,
    reports: (async function* () {
      yield* reports;
    })(),
    status: Promise.resolve({ success: true, code: 0, signal: null }),
    send: () => Promise.resolve(),
    close: () => Promise.resolve(void done.push("closed")),
    kill: () => void done.push("killed"),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { process, done };
}

const redact = (text: string) => text.replaceAll("s3cret", "[redacted]");
const CHECKED: Report = { type: "checked", reports: [] };

Deno.test("followReports() logs, hands over the rest, and says whether the end was reached", async () => {
  const logged: string[] = [];
  const seen: Report[] = [];
  const options = {
    redact,
    log: (level: string, message: string) => void logged.push(`${level} ${message}`),
    onReport: (report: Report) => void seen.push(report),
  };
  const line: Report = { type: "log", level: "warn", step: null, message: "at s3cret" };
  const whole = processThatSays([line, CHECKED, { type: "finished", error: null }]);
  equal(await followReports(whole.process, options, new AbortController().signal), true);
  deepEqual([logged, seen, whole.done], [["warn at [redacted]"], [CHECKED], ["closed"]]);
  const cut = processThatSays([line]);
  equal(await followReports(cut.process, options, new AbortController().signal), false);
  deepEqual(cut.done, []);
});

Deno.test("followReports() throws the error that the process reported, without secrets", async () => {
  const error = { code: "unavailable", message: "no s3cret", detail: "s3cret" } as const;
  const { process, done } = processThatSays([{ type: "finished", error }]);
  const options = { redact, subject: "Cannot look", log: () => {}, onReport: () => {} };
  await rejects(
    followReports(process, options, new AbortController().signal),
    (thrown) =>
      thrown instanceof AppError && thrown.code === "unavailable" &&
      thrown.message === "Cannot look: no [redacted]" && thrown.detail === "[redacted]",
  );
  deepEqual(done, ["closed"]);
});

Deno.test("followReports() kills the process of a signal that was aborted before or is aborted later", async () => {
  const reason = new AppError("cancelled", "stopped");
  const before = processThatSays([]);
  const options = { redact, log: () => {}, onReport: () => {} };
  await rejects(followReports(before.process, options, AbortSignal.abort(reason)), reason);
  deepEqual(before.done, ["killed"]);
  const stop = new AbortController();
  const later = processThatSays([CHECKED]);
  const onReport = () => stop.abort(reason);
  await rejects(followReports(later.process, { ...options, onReport }, stop.signal), reason);
  deepEqual(later.done, ["killed"]);
});

Deno.test("StderrLines keeps the first fifty lines", () => {
  const lines = new StderrLines();
  for (let line = 1; line <= 60; line += 1) lines.take(`${line}`);
  equal(lines.text.split("\n").at(-1), "50");
});
