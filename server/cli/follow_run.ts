import { AppError } from "../../contract/errors.ts";
import type { RunDetail } from "../../contract/run.ts";
import type { Engine } from "../../engine/control/engine.ts";
import type { CliContext } from "./command.ts";
import type { RunDisplay } from "./run_display.ts";
import { callerName } from "./settings.ts";
import { formatCount, formatDuration, formatPlural } from "../../text/format.ts";
import { oneLine } from "./text.ts";

/** From where on a run is followed: what earlier attempts did is left out. */
export interface FollowedRun {
  readonly id: string;
  readonly afterSeq: number;
  readonly afterAttempt: number;
}

/**
 * Shows a run until it has ended, and returns it as it ended. The first Ctrl-C cancels the run, the
 * second leaves at once.
 */
export async function followRun(
  engine: Engine,
  run: FollowedRun,
  display: RunDisplay,
  context: CliContext,
): Promise<RunDetail> {
  const failed = Promise.withResolvers<never>();
  const watching = new AbortController();
  let isStopping = false;
  using _interrupts = context.onInterrupt(() => {
    if (isStopping) context.exit(1);
    isStopping = true;
    display.note("Stopping the run; Ctrl-C again leaves at once");
    engine.cancelRun(run.id, callerName(context) ?? "the command line").catch((error) => {
      // It ended by itself in the meantime: its own events say how.
      if (!(error instanceof AppError && error.code === "conflict")) failed.reject(error);
    });
  });
  const watch = async () => {
    for await (const event of engine.watchRun(run.id, run.afterSeq, watching.signal)) {
      if (event.type !== "step" || event.step.attempt > run.afterAttempt) display.show(event);
    }
  };
  try {
    await Promise.race([watch(), failed.promise]);
  } finally {
    watching.abort();
  }
  return await engine.getRun(run.id);
}

/** The number of the last log line so far; 0 where there is none. */
export async function lastLogSeq(engine: Engine, runId: string): Promise<number> {
  const limit = 10_000;
  let afterSeq = 0;
  for (;;) {
    const lines = await engine.getRunLogs(runId, { afterSeq, limit });
    afterSeq = lines.at(-1)?.seq ?? afterSeq;
    if (lines.length < limit) return afterSeq;
  }
}

/** One line on how the run ended. */
export function formatOutcome(run: RunDetail): string {
  const took = formatDuration(run.duration_ms);
  if (run.state !== "succeeded") {
    const why = run.error?.message ?? run.reason;
    return oneLine(`${run.pipeline} ${run.state} after ${took}${why ? `: ${why}` : ""} (run ${run.id})`);
  }
  const checks = run.steps.filter((step) => step.kind === "check" && step.state === "succeeded").length;
  const facts = [
    `${formatPlural(run.rows_extracted, "row")} extracted`,
    `${formatCount(run.rows_loaded)} loaded`,
    checks === 0 ? "" : `${formatPlural(checks, "check")} passed`,
    run.warnings === 0 ? "" : formatPlural(run.warnings, "warning"),
  ];
  return `${run.pipeline} succeeded in ${took}: ${
    facts.filter((fact) => fact !== "").join(", ")
  } (run ${run.id})`;
}

/** What `--json` prints in its last line; more keys may be added, these stay. */
export function outcomeJson(run: RunDetail): string {
  return JSON.stringify({
    id: run.id,
    pipeline: run.pipeline,
    state: run.state,
    rows_extracted: run.rows_extracted,
    rows_loaded: run.rows_loaded,
    duration_ms: run.duration_ms,
    warnings: run.warnings,
    error: run.error,
    steps: run.steps,
  });
}
