import type { Clock } from "../../../contract/clock.ts";

/** What is good once and until some time: it is remembered for so long, in bounded memory. */
export class TakenOnce {
  readonly #clock: Pick<Clock, "now">;
  readonly #most: number;
  /** Until when each is good; the one that was taken first comes first. */
  readonly #taken = new Map<string, number>();

  /** Of more than `most` the first are forgotten. */
  constructor(clock: Pick<Clock, "now">, most = 10_000) {
    this.#clock = clock;
    this.#most = most;
  }

  has(id: string): boolean {
    return this.#taken.has(id);
  }

  take(id: string, untilMs: number): void {
    this.#taken.set(id, untilMs);
    const nowMs = this.#clock.now();
    for (const [first, endsMs] of this.#taken) {
      if (endsMs > nowMs && this.#taken.size <= this.#most) break;
      this.#taken.delete(first);
    }
  }
}
