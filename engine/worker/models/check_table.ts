import type { LogLevel } from "../../../contract/log.ts";
import type { Step } from "../../../contract/run.ts";
import type { SqlSession } from "../../../contract/sql.ts";
import { type CheckResult, runChecks } from "../../../sql/build/checks/run_checks.ts";
import { declareMacros } from "../../../sql/build/macros.ts";
import type { Measured } from "../../../sql/build/checks/measure_checks.ts";
import type { Check } from "../../../sql/language/checks/check.ts";
import { formatDuration } from "../../../text/format.ts";
import { readCheckValues, recordCheckValue } from "../../warehouse/checks/check_values.ts";
import type { PlannedCheck } from "../plan.ts";
import { endStep, type Reporter, startStep } from "../reporter.ts";

export interface CheckContext {
  readonly runId: string;
  readonly attempt: number;
  readonly reporter: Pick<Reporter, "send" | "log">;
}

/** A check as it ended: succeeded, warned or failed. */
export interface Checked {
  readonly step: Step;
  readonly result: CheckResult;
}

/**
 * Runs checks of one table together and reports how they went; never throws for rows that fail them. Call it in the
 * transaction of the rows: what a `change` has measured is kept with them.
 */
export async function checkTable(
  session: SqlSession,
  planned: readonly PlannedCheck[],
  { runId, attempt, reporter }: CheckContext,
  measured?: ReadonlyMap<Check, Measured>,
): Promise<Checked[]> {
  await declareMacros(session, [...new Set(planned.flatMap(({ macros }) => macros))]);
  const steps = planned.map(({ step }) => startStep(step, attempt, Date.now()));
  for (const step of steps) reporter.send({ type: "step", step });
  const stepOf = new Map(planned.map(({ check, step }) => [check, step.name]));
  const results = await runChecks(session, planned.map(({ check }) => check), {
    past: (check) => readCheckValues(session, stepOf.get(check) ?? "", metricOf(check), runId),
    ...(measured === undefined ? {} : { measured }),
  });
  const checked = results.map((result, index) => ({ step: ended(steps[index], result), result }));
  for (const { step, result } of checked) {
    reporter.send({ type: "step", step });
    reporter.log(...logLine(step, result));
    const { check } = result;
    if (check.rule.kind !== "change") continue;
    const value = Number(result.measured.values["value"] ?? NaN);
    await recordCheckValue(session, step.name, metricOf(check), runId, Number.isFinite(value) ? value : null);
  }
  return checked;
}

/** What is measured, as far as another text means other values. */
const metricOf = ({ sql }: Check): string => sql;

function ended(step: Step | undefined, { state, failures, message }: CheckResult): Step {
  if (step === undefined) throw new Error("a check without its step");
  if (state === "passed") return endStep(step, { state: "succeeded", rows: failures }, Date.now());
  return endStep(step, { state, rows: failures, error: { code: "invalid", message } }, Date.now());
}

function logLine(
  { name, duration_ms }: Step,
  { state, failures, message, check }: CheckResult,
): [LogLevel, string, string] {
  if (state !== "passed") return [state === "warned" ? "warn" : "error", name, message];
  if (failures > 0 || check.measure.by === "values") return ["info", name, message];
  return ["debug", name, `No row fails it, found in ${formatDuration(duration_ms)}`];
}
