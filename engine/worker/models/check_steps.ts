import { AppError, toAppError } from "../../../contract/errors.ts";
import type { Step } from "../../../contract/run.ts";
import { measureChecks, type Measured } from "../../../sql/build/checks/measure_checks.ts";
import type { Check } from "../../../sql/language/checks/check.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { keepFailedRows, readFailedRows } from "../../warehouse/checks/failed_rows.ts";
import type { PlannedCheck, PlannedStep } from "../plan.ts";
import type { Reporter } from "../reporter.ts";
import { retryConflicts } from "../retry_conflicts.ts";
import type { SessionLease } from "../session_pool.ts";
import { type CheckContext, type Checked, checkTable } from "./check_table.ts";

export interface CheckStepsContext extends CheckContext {
  readonly reporter: Reporter;
  readonly lease: () => Promise<SessionLease>;
  /** Marks a step as done, in the session's transaction. */
  readonly mark: (session: DuckSession, step: Step) => Promise<void>;
}

/** The checks of a run: those that have a step of their own, and the failing rows of all. */
export class CheckSteps {
  readonly #context: CheckStepsContext;
  #late: readonly PlannedCheck[] = [];
  /** Checks of one table that read nothing else go over it together, as the first of them is due. */
  readonly #passes = new Map<string, Promise<ReadonlyMap<Check, Measured> | undefined>>();
  #looking: Promise<void> = Promise.resolve();

  constructor(context: CheckStepsContext) {
    this.#context = context;
  }

  /** What the run does. */
  know(steps: readonly PlannedStep[]): void {
    this.#late = steps.filter((planned) => planned.kind === "check");
  }

  /**
   * Runs a check after its table was committed: what depends on that and is not done yet waits for it. Throws
   * `invalid` where it fails.
   */
  async carryOut(session: DuckSession, planned: PlannedCheck): Promise<Step> {
    const { reporter, mark } = this.#context;
    const measured = await this.#measuredTogether(session, planned);
    return await retryConflicts(
      reporter,
      planned.step.name,
      () =>
        this.inTransaction(session, async (onChecked) => {
          const checked = await checkTable(session, [planned], this.#context, measured);
          onChecked(checked);
          const step = checked[0]?.step;
          if (step === undefined) throw new AppError("internal", `${planned.step.name} has no result`);
          if (step.state === "failed") {
            throw new AppError("invalid", step.error?.message ?? "the check failed");
          }
          await mark(session, step);
          return step;
        }),
    );
  }

  /**
   * Does `work` in a transaction, and keeps the failing rows that it hands over: in the same one where that is
   * committed, and else after it, so that they can be looked at when their table is undone.
   */
  async inTransaction<T>(
    session: DuckSession,
    work: (onChecked: (checked: readonly Checked[]) => void) => Promise<T>,
  ): Promise<T> {
    let found: readonly Checked[] = [];
    try {
      const result = await session.transaction(async () => {
        const done = await work((checked) => void (found = checked));
        await this.#keep(session, found);
        return done;
      });
      for (const { step } of withRows(found)) this.look(step);
      return result;
    } catch (error) {
      await this.#keepUndone(session, withRows(found));
      throw error;
    }
  }

  /** Reports the rows that are kept of a check, of this attempt or an earlier one. */
  look({ name }: Step): void {
    const { lease, runId, reporter } = this.#context;
    this.#looking = this.#looking.then(async () => {
      await using leased = await lease();
      const rows = await readFailedRows(leased.session, runId, name);
      if (rows !== undefined) reporter.send({ type: "failed_rows", rows });
    }).catch(() => {});
  }

  /** Returns when all that was to be looked at is reported. */
  async done(): Promise<void> {
    await this.#looking;
  }

  /** The failure itself is on its way: that its rows cannot be kept is only said. */
  async #keepUndone(session: DuckSession, found: readonly Checked[]): Promise<void> {
    if (found.length === 0) return;
    try {
      await session.transaction(() => this.#keep(session, found));
      for (const { step } of found) this.look(step);
    } catch (error) {
      const { message } = toAppError(error);
      this.#context.reporter.log("warn", null, `The rows that failed a check could not be kept: ${message}`);
    }
  }

  async #keep(session: DuckSession, found: readonly Checked[]): Promise<void> {
    for (const { step, result: { kept, failures } } of withRows(found)) {
      if (kept === undefined) continue;
      const { columns, rows } = kept;
      await keepFailedRows(session, { runId: this.#context.runId, step: step.name, failures, columns, rows });
    }
  }

  /** Undefined where the check is alone, or where they cannot be measured together: then each says what it meets. */
  async #measuredTogether(
    session: DuckSession,
    planned: PlannedCheck,
  ): Promise<ReadonlyMap<Check, Measured> | undefined> {
    const { node } = planned.check;
    const isOwn = ({ check, step: { depends } }: PlannedCheck) => check.node === node && depends.length === 1;
    if (!isOwn(planned)) return undefined;
    const known = this.#passes.get(node);
    if (known !== undefined) return await known;
    const checks = this.#late.filter(isOwn).map(({ check }) => check);
    if (checks.length === 1) return undefined;
    const pass = measureChecks(session, checks).catch(() => undefined);
    this.#passes.set(node, pass);
    return await pass;
  }
}

const withRows = (found: readonly Checked[]): Checked[] =>
  found.filter(({ result }) => result.kept !== undefined && result.kept.rows.length > 0);
