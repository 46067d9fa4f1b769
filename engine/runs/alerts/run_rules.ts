import type { Run } from "../../../contract/run.ts";
import { formatDuration } from "../../../text/format.ts";
import type { OutboxEvent } from "../../store/ports/messages.ts";
import type { AlertDesk } from "./alert_desk.ts";

/** A message of an error may be a page long; the run has it whole. */
const MAX_ERROR_LENGTH = 500;

/** What one change of a run says to those who are to hear of it. */
export async function noteRunChange(desk: AlertDesk, { run, createdAtMs }: OutboxEvent): Promise<void> {
  switch (run.state) {
    case "succeeded":
      return await noteSuccess(desk, run, createdAtMs);
    case "failed": {
      await settleLate(desk, run, createdAtMs);
      const message = shorten(run.error?.message ?? run.reason ?? "the run failed");
      return await desk.raise({
        kind: "failure",
        subject: run.pipeline,
        message,
        run,
        atMs: createdAtMs,
        counts: true,
      });
    }
    case "cancelled":
      return await settleLate(desk, run, createdAtMs);
    case "queued":
      // One that its server handed back in order is due at once.
      if (run.attempt > 0 && run.not_before !== null && run.reason !== null) {
        const message = shorten(`${run.reason}; the next attempt is at ${run.not_before}`);
        await desk.report("retry", { pipeline: run.pipeline, message, run, atMs: createdAtMs });
      }
      return;
    case "running":
      return;
  }
}

async function noteSuccess(desk: AlertDesk, run: Run, atMs: number): Promise<void> {
  const { pipeline } = run;
  await settleLate(desk, run, atMs);
  const took = run.duration_ms === null ? "" : ` in ${formatDuration(run.duration_ms)}`;
  const message = `succeeded${took}`;
  if (isWhole(run) || desk.find(pipeline, "failure")?.run === run.id) {
    await desk.settle(pipeline, "failure", { message: `${message} after it had failed`, run, atMs });
  }
  if (isWhole(run)) {
    await desk.settle(pipeline, "stale", { message: `its data is fresh again: it ${message}`, run, atMs });
  }
  if (run.warnings > 0) {
    const count = run.warnings === 1 ? "1 warning" : `${run.warnings} warnings`;
    await desk.raise({
      kind: "warning",
      subject: pipeline,
      message: `${message} with ${count}`,
      run,
      atMs,
      counts: true,
    });
  } else if (isWhole(run)) {
    await desk.settle(pipeline, "warning", { message: `${message} without warnings`, run, atMs });
  }
  await desk.report("success", { pipeline, message, run, atMs });
}

/** Of all steps, and up to now: what a run of some steps, or for another time, does says nothing about the rest. */
export const isWhole = (run: Run): boolean => run.select === null && !run.window_given;

/** The run that was late has ended, whatever it came to; ids of later runs are greater. */
async function settleLate(desk: AlertDesk, run: Run, atMs: number): Promise<void> {
  const late = desk.find(run.pipeline, "late");
  if (late === undefined || (late.run !== null && late.run > run.id)) return;
  await desk.settle(run.pipeline, "late", { message: `the run that was late has ${run.state}`, run, atMs });
}

const shorten = (text: string): string =>
  text.length <= MAX_ERROR_LENGTH ? text : `${text.slice(0, MAX_ERROR_LENGTH).trimEnd()} …`;
