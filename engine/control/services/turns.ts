import { AppError } from "../../../contract/errors.ts";

export interface TurnsOptions {
  /** Pieces of work at a time. */
  readonly atOnce: number;
  /** Those that may wait for their turn, in each of the two lines. */
  readonly waiting: number;
  /** What whoever finds a full line is told: that it is `unavailable` now. */
  readonly refusal: string;
  /** Of that error; `too_many_requests` by default. */
  readonly reason?: string;
}

export interface TurnOptions {
  /** Leaves the line when it aborts. */
  readonly signal?: AbortSignal;
  /** Waits in the line that goes before the other. */
  readonly isFirst?: boolean;
}

/** Runs costly work that people ask for a few pieces at a time; in a line who comes first goes first. */
export class Turns {
  readonly #options: TurnsOptions;
  /** The one that goes before the other first. */
  readonly #lines: readonly [first: (() => void)[], other: (() => void)[]] = [[], []];
  #busy = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Throws `unavailable` where too many wait already, and the signal's reason. */
  async take<T>(work: () => Promise<T>, { signal, isFirst = false }: TurnOptions = {}): Promise<T> {
    if (this.#busy < this.#options.atOnce) this.#busy++;
    else await this.#wait(this.#lines[isFirst ? 0 : 1], signal);
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      // The turn is handed on, or given back where nobody waits.
      const next = this.#lines[0].shift() ?? this.#lines[1].shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }

  /** Returns with the place that another leaves. */
  async #wait(line: (() => void)[], signal: AbortSignal | undefined): Promise<void> {
    const { waiting, refusal, reason = "too_many_requests" } = this.#options;
    if (line.length >= waiting) throw new AppError("unavailable", refusal, { reason });
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      const at = line.indexOf(resolve);
      // Whose turn has come already goes on, and finds that it was stopped.
      if (at === -1) return;
      line.splice(at, 1);
      reject(signal?.reason);
    };
    line.push(resolve);
    signal?.addEventListener("abort", leave, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }
}
