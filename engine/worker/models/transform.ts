import { AppError } from "../../../contract/errors.ts";
import type { Step } from "../../../contract/run.ts";
import type { SqlSession } from "../../../contract/sql.ts";
import { checkMessage, runCheck } from "../../../sql/build/run_check.ts";
import { materialize } from "../../../sql/build/materialize.ts";
import type { PlannedCheck, PlannedModel } from "../plan.ts";
import { formatDuration } from "../../../text/format.ts";
import { endStep, type Reporter, startStep } from "../reporter.ts";

export interface BuildOptions {
  readonly fullRefresh: boolean;
  readonly attempt: number;
  readonly reporter: Reporter;
}

export interface Built {
  readonly rows: number | null;
  readonly sql: string;
  /** The checks as they ended: succeeded or warned. */
  readonly checks: readonly Step[];
}

/**
 * Builds a model and runs its checks, inside the caller's transaction: where a check of severity
 * error finds rows it throws, and the table stays as it was before.
 */
export async function buildModel(
  session: SqlSession,
  planned: PlannedModel,
  options: BuildOptions,
): Promise<Built> {
  const { model } = planned;
  const { rows, sql } = await materialize(session, model, { fullRefresh: options.fullRefresh });
  const checks: Step[] = [];
  for (const check of planned.checks) checks.push(await checkRows(session, check, options));
  const failed = checks.filter((check) => check.state === "failed").map((check) =>
    check.error?.message ?? check.name
  );
  if (failed.length > 0) {
    const count = failed.length === 1 ? "a check" : `${failed.length} checks`;
    throw new AppError("invalid", `${count} failed: ${failed.join("; ")}`, {
      detail: `${model.path}: the table is as it was before this run.`,
    });
  }
  return { rows, sql, checks };
}

/** Runs one check and reports how it went; never throws for rows that fail it. */
export async function checkRows(
  session: SqlSession,
  planned: PlannedCheck,
  options: BuildOptions,
): Promise<Step> {
  const { check } = planned;
  const step = startStep(planned.step, options.attempt, Date.now());
  options.reporter.send({ type: "step", step });
  const found = await runCheck(session, check);
  if (found.failures === 0) {
    const ended = endStep(step, { state: "succeeded", rows: 0 }, Date.now());
    options.reporter.send({ type: "step", step: ended });
    options.reporter.log(
      "debug",
      step.name,
      `No row fails it, found in ${formatDuration(ended.duration_ms)}`,
    );
    return ended;
  }
  const isWarning = check.severity === "warn";
  const message = checkMessage(check, found);
  const ended = endStep(step, {
    state: isWarning ? "warned" : "failed",
    rows: found.failures,
    error: { code: "invalid", message },
  }, Date.now());
  options.reporter.send({ type: "step", step: ended });
  options.reporter.log(isWarning ? "warn" : "error", step.name, message);
  return ended;
}
