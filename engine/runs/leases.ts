import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import type { AttemptStore } from "../store/ports/runs.ts";
import type { StopReason } from "./attempt/stop.ts";

/** How long an attempt belongs to its worker without a word from it. */
export const LEASE_MS = 30_000;
const HEARTBEAT_MS = 10_000;
const RETRY_MS = 2_000;

/** An attempt under way here, as far as its lease goes. */
export interface LeasedAttempt {
  readonly attempt: number;
  /** `by` says who cancelled it. */
  stop(reason: StopReason, by?: string): void;
}

export interface LeaseContext {
  readonly attempts: Pick<AttemptStore, "renew">;
  readonly clock: Clock;
  readonly log: Log;
  readonly worker: string;
  /** Nobody else can take runs of this store: a lease that could not be renewed is no reason to stop. */
  readonly isAlone: boolean;
  /** The attempts under way here, by run. */
  readonly active: ReadonlyMap<string, LeasedAttempt>;
}

/**
 * Renews the leases of the attempts under way. One that is not held any more is stopped (`lost`), and
 * so is one that somebody cancelled at another server. Where the store cannot be written for as long
 * as a lease lasts, another server may have taken the runs: all are stopped.
 */
export class LeaseKeeper {
  readonly #context: LeaseContext;
  readonly #stopping = new AbortController();
  #renewedAtMs = 0;
  #loop: Promise<void> | undefined;

  constructor(context: LeaseContext) {
    this.#context = context;
  }

  start(): void {
    this.#renewedAtMs = this.#context.clock.now();
    this.#loop = this.#work();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #work(): Promise<void> {
    const { clock, log, active } = this.#context;
    let waitMs = HEARTBEAT_MS;
    while (!this.#stopping.signal.aborted) {
      await clock.sleep(waitMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      waitMs = HEARTBEAT_MS;
      if (active.size === 0) {
        this.#renewedAtMs = clock.now();
        continue;
      }
      try {
        await this.#renew();
      } catch (error) {
        log("error", "leases could not be renewed; trying again", { error: String(error) });
        waitMs = RETRY_MS;
        this.#stopWhereOver();
      }
    }
  }

  async #renew(): Promise<void> {
    const { attempts, clock, worker, active, log } = this.#context;
    const nowMs = clock.now();
    const before = new Map(active);
    const held = new Map(
      (await attempts.renew(worker, nowMs, nowMs + LEASE_MS)).map((one) => [one.run, one]),
    );
    this.#renewedAtMs = nowMs;
    for (const [run, attempt] of before) {
      const lease = held.get(run);
      if (lease?.attempt !== attempt.attempt) {
        // It may have ended in between; then the stop comes too late to matter.
        if (active.get(run) === attempt) attempt.stop("lost");
      } else if (lease.cancelAskedBy !== null) {
        log("info", "a run is cancelled from another server", { run });
        attempt.stop("cancel", lease.cancelAskedBy);
      }
    }
  }

  #stopWhereOver(): void {
    const { clock, isAlone, active } = this.#context;
    if (isAlone || clock.now() - this.#renewedAtMs < LEASE_MS) return;
    for (const attempt of active.values()) attempt.stop("lost");
  }
}
