import { deepEqual, equal, match, rejects } from "node:assert/strict";
import * as v from "valibot";
import { AppError } from "../../../../../contract/errors.ts";
import { type StepSettings, stepSettingsSchema } from "../../../../../contract/pipeline/retry.ts";
import { tryStep } from "../../../../../engine/worker/steps/step_tries.ts";

const RETRY = v.parse(stepSettingsSchema, { retry: { limit: 2, interval: "1ms", max_interval: "1ms" } });

/** Fails with these one after the other; returns the number of the try that did not, and the log. */
async function attempt(
  failures: readonly AppError[],
  settings: StepSettings,
  signal = AbortSignal.timeout(60_000),
) {
  const log: string[] = [];
  const reporter = { log: (_level: string, _step: string | null, message: string) => void log.push(message) };
  const done = await tryStep({ step: "extract:a", runId: "r", settings, reporter, signal }, (number) => {
    const failure = failures[number - 1];
    return failure === undefined ? Promise.resolve(number) : Promise.reject(failure);
  });
  return { done, log };
}

const away = new AppError("unavailable", "the shop is away");

Deno.test("tryStep() tries again what may pass by itself, as often as retry says, and logs each", async () => {
  const { done, log } = await attempt([away, away], RETRY);
  equal(done, 3);
  equal(log.length, 2);
  match(log[0] ?? "", /^Try 1 of 3 failed, again in 0\.0 s: the shop is away$/);
  await rejects(attempt([away, away, away], RETRY), /the shop is away/);
  deepEqual(await attempt([], {}), { done: 1, log: [] });
});

Deno.test("tryStep() tries nothing again that is wrong, without retry, or once the run is stopped", async () => {
  await rejects(attempt([new AppError("unauthorized", "a wrong password")], RETRY), /a wrong password/);
  await rejects(attempt([away], {}), /the shop is away/);
  await rejects(
    attempt([away], RETRY, AbortSignal.abort(new AppError("cancelled", "stop"))),
    /the shop is away/,
  );
  const long = v.parse(stepSettingsSchema, { retry: { limit: 1, interval: "1h", max_interval: "1h" } });
  const stopping = new AbortController();
  const waiting = attempt([away], long, stopping.signal);
  waiting.catch(() => {});
  // The wait has begun when what was rejected has been heard of.
  await new Promise((resolve) => setTimeout(resolve));
  stopping.abort(new AppError("cancelled", "stopped while it waits"));
  await rejects(waiting, /stopped while it waits/);
});
