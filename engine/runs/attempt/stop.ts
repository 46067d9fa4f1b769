import type { ErrorRecord } from "../../../contract/errors.ts";
import { durationMs } from "../../../contract/pipeline/words.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { RunProcess } from "./spawn.ts";

/** How long a process may take to stop by itself before it is killed. */
const STOP_GRACE_MS = 5_000;

/**
 * Why an attempt is being stopped from outside. `shutdown` leaves the run for the next server; with
 * `lost` another one has it already, or may have it.
 */
export type StopReason = "cancel" | "shutdown" | "lost";

/** What a stopped run and the step that it was at say of it. */
export function stopError(reason: StopReason | "timeout", timeout: string | undefined): ErrorRecord {
  switch (reason) {
    case "timeout":
      return { code: "timeout", message: `The run took longer than its timeout of ${timeout}` };
    case "cancel":
      return { code: "cancelled", message: "The run was cancelled" };
    case "shutdown":
      return { code: "cancelled", message: "The server stopped during the run" };
    case "lost":
      return {
        code: "unavailable",
        reason: "lease_lost",
        message: "The server could not renew its hold on the run in time: another may have it now",
      };
  }
}

/** What an aborted signal was aborted with; a person's cancel where that says nothing. */
function stopReasonOf({ reason }: AbortSignal): StopReason {
  return reason === "shutdown" || reason === "lost" ? reason : "cancel";
}

/** Stops a process on request, or at its timeout: first by an order, then by force. */
export class ProcessStopper implements Disposable {
  readonly #clock: Clock;
  readonly #process: RunProcess;
  readonly #stop: AbortSignal;
  readonly #timeout: string | undefined;
  readonly #done = new AbortController();
  #stopped: StopReason | "timeout" | null = null;

  constructor(clock: Clock, process: RunProcess, stop: AbortSignal, timeout: string | undefined) {
    this.#clock = clock;
    this.#process = process;
    this.#stop = stop;
    this.#timeout = timeout;
    if (stop.aborted) this.#onStop();
    else stop.addEventListener("abort", this.#onStop, { once: true });
    if (timeout !== undefined) this.#after(durationMs(timeout), () => this.#request("timeout"));
  }

  get stopped(): StopReason | "timeout" | null {
    return this.#stopped;
  }

  /** From here on a stop comes too late. */
  disarm(): void {
    this.#done.abort();
    this.#stop.removeEventListener("abort", this.#onStop);
  }

  [Symbol.dispose](): void {
    this.disarm();
  }

  readonly #onStop = () => this.#request(stopReasonOf(this.#stop));

  #request(reason: StopReason | "timeout"): void {
    if (this.#stopped !== null || this.#done.signal.aborted) return;
    this.#stopped = reason;
    this.#process.send({ type: "cancel", error: stopError(reason, this.#timeout) });
    this.#after(STOP_GRACE_MS, () => this.#process.kill());
  }

  #after(waitMs: number, act: () => void): void {
    this.#clock.sleep(waitMs, this.#done.signal).then(() => {
      if (!this.#done.signal.aborted) act();
    });
  }
}
