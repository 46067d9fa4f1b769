import { AppError } from "../../../contract/errors.ts";

export interface TurnsOptions {
  /** Pieces of work at a time. */
  readonly atOnce: number;
  /** Those that may wait for their turn. */
  readonly waiting: number;
  /** Of what there is too much, as `connectors are being asked`. */
  readonly what: string;
}

/** Runs costly work that people ask for a few pieces at a time, who comes first first. */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Throws `unavailable` (reason too_many_requests) where too many wait already, and the signal's reason. */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#busy >= this.#options.atOnce) await this.#wait(signal);
    else this.#busy++;
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }

  /** Returns with the place that another leaves. */
  async #wait(signal: AbortSignal): Promise<void> {
    const { waiting, atOnce, what } = this.#options;
    if (this.#waiting.length >= waiting) {
      throw new AppError(
        "unavailable",
        `${atOnce} ${what}, and ${waiting} more wait: try again in a moment`,
        { reason: "too_many_requests" },
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      this.#waiting.splice(this.#waiting.indexOf(resolve), 1);
      reject(signal.reason);
    };
    signal.throwIfAborted();
    this.#waiting.push(resolve);
    signal.addEventListener("abort", leave, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }
}
