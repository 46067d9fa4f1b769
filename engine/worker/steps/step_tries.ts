import { type AppError, IS_RETRYABLE, toAppError } from "../../../contract/errors.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { retryDelayMs, type StepSettings } from "../../../contract/pipeline/retry.ts";
import { durationMs } from "../../../contract/pipeline/words.ts";
import type { PlannedStep } from "../plan.ts";
import type { Reporter } from "../reporter.ts";

/** What `steps` of the pipeline says, and over it what `step` of the stream or load does. */
export function settingsOf(
  planned: PlannedStep,
  { steps = {} }: Pick<PipelineDefinition, "steps">,
): StepSettings {
  const own = planned.kind === "extract"
    ? planned.stream.step
    : planned.kind === "load"
    ? planned.target.step
    : undefined;
  const timeout = own?.timeout ?? steps.timeout;
  const retry = own?.retry ?? steps.retry;
  return {
    ...(timeout === undefined ? {} : { timeout }),
    // They share what they read with other steps, or send while they read: the next attempt of the run takes them up.
    ...(retry === undefined || isShared(planned) ? {} : { retry }),
  };
}

const isShared = (planned: PlannedStep): boolean =>
  planned.kind === "extract" && (planned.stream.mode === "cdc" || !planned.stream.store);

export interface StepTries {
  readonly step: string;
  readonly runId: string;
  readonly settings: StepSettings;
  readonly reporter: Pick<Reporter, "log">;
  readonly signal: AbortSignal;
}

/**
 * Does a step's work, again where it fails with what may pass by itself, as often as its `retry` says. What one try
 * has committed the next one finds, as the next attempt of a run does. Throws the last failure, and the signal's reason.
 */
export async function tryStep<T>(
  { step, runId, settings: { retry }, reporter, signal }: StepTries,
  work: (number: number) => Promise<T>,
): Promise<T> {
  for (let number = 1;; number++) {
    try {
      return await work(number);
    } catch (error) {
      const failure: AppError = toAppError(error);
      if (signal.aborted || retry === undefined || number > retry.limit || !IS_RETRYABLE[failure.code]) {
        throw error;
      }
      const waitMs = retryDelayMs(retry, number, `${runId} ${step}`);
      reporter.log(
        "warn",
        step,
        `Try ${number} of ${retry.limit + 1} failed, again in ${
          (waitMs / 1_000).toFixed(1)
        } s: ${failure.message}`,
      );
      await waited(waitMs, signal);
    }
  }
}

/** Calls `onTimeout` when the step has taken longer than it may, until disposed. */
export function watchStep({ timeout }: StepSettings, onTimeout: (timeout: string) => void): Disposable {
  const timer = timeout === undefined ? undefined : setTimeout(() => onTimeout(timeout), durationMs(timeout));
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Throws the signal's reason at its abort. */
async function waited(waitMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, waitMs);
  const onAbort = () => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", onAbort);
  signal.throwIfAborted();
}
