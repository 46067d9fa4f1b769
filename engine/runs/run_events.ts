import type { RunEvent } from "../../contract/run.ts";
import type { StepProgress } from "../../contract/runs/progress.ts";

/** A follower that does not keep up loses progress first; beyond this many events it is cut off. */
const MAX_PENDING = 20_000;
const MAX_PENDING_BEFORE_DROPPING_PROGRESS = 1_000;

interface Follower {
  readonly pending: RunEvent[];
  wake: (() => void) | undefined;
  ended: boolean;
}

/** Hands what happens in a run to those who follow it, in this process. */
export class RunEvents {
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #progress = new Map<string, Map<string, StepProgress>>();

  /** How far the steps of a run are that run now, by their names, as this server carries it out. */
  progressOf(runId: string): ReadonlyMap<string, StepProgress> {
    return this.#progress.get(runId) ?? new Map();
  }

  publish(runId: string, event: RunEvent): void {
    this.#note(runId, event);
    for (const follower of this.#followers.get(runId) ?? []) {
      if (event.type === "progress" && follower.pending.length > MAX_PENDING_BEFORE_DROPPING_PROGRESS) {
        continue;
      }
      follower.pending.push(event);
      if (follower.pending.length > MAX_PENDING) follower.ended = true;
      follower.wake?.();
    }
  }

  #note(runId: string, event: RunEvent): void {
    if (event.type === "run" && event.run.state !== "running") this.#progress.delete(runId);
    if (event.type === "step" && event.step.state !== "running") {
      this.#progress.get(runId)?.delete(event.step.name);
    }
    if (event.type !== "progress") return;
    const { type: _, step, traffic: __, ...progress } = event;
    const known = this.#progress.get(runId) ?? new Map<string, StepProgress>();
    this.#progress.set(runId, known.set(step, progress));
  }

  /** Follows from the call on (not from the first pull), until the signal fires or `return`. */
  follow(runId: string, signal: AbortSignal): AsyncIterableIterator<RunEvent> {
    const follower: Follower = { pending: [], wake: undefined, ended: signal.aborted };
    const followers = this.#followers.get(runId) ?? new Set();
    this.#followers.set(runId, followers);
    followers.add(follower);
    const end = () => {
      follower.ended = true;
      follower.wake?.();
    };
    signal.addEventListener("abort", end, { once: true });
    const leave = () => {
      signal.removeEventListener("abort", end);
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(runId) === followers) this.#followers.delete(runId);
    };
    const pull = async (): Promise<IteratorResult<RunEvent>> => {
      while (follower.pending.length === 0 && !follower.ended) {
        await new Promise<void>((resolve) => follower.wake = resolve);
        follower.wake = undefined;
      }
      const value = follower.ended ? undefined : follower.pending.shift();
      if (value !== undefined) return { done: false, value };
      leave();
      return { done: true, value: undefined };
    };
    return {
      next: pull,
      return: () => {
        end();
        leave();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}
