import type { Clock } from "../../../contract/clock.ts";

/** A STATE is committed where there are so many records behind the last one, or where so much time has passed. */
const EVERY_RECORDS = 100_000;
const EVERY_MS = 30_000;
/** Meltano's SDK says so of states from which a tap cannot go on. */
const NOT_RESUMABLE = '"progress_markers"';

/** At which of a tap's STATEs rows are committed while it still reads. */
export class CommitPace {
  readonly #clock: Pick<Clock, "now">;
  readonly #isExact: boolean;
  #records = 0;
  #since: number;

  /** `isExact`: rows that come again would be there twice. */
  constructor(clock: Pick<Clock, "now">, { isExact }: { readonly isExact: boolean }) {
    this.#clock = clock;
    this.#isExact = isExact;
    this.#since = clock.now();
  }

  /** Whether it is committed, with all `records` so far. */
  take(state: string, records: number): boolean {
    const isDue = records >= this.#records + EVERY_RECORDS ||
      records > this.#records && this.#clock.now() >= this.#since + EVERY_MS;
    if (!isDue || this.#isExact && state.includes(NOT_RESUMABLE)) return false;
    this.#records = records;
    this.#since = this.#clock.now();
    return true;
  }
}
