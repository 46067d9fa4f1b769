/** Runs work a few at a time, and gives the results in the order in which they are there. */
export class Lanes<T> {
  readonly #limit: number;
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  readonly #results: Promise<T>[] = [];
  #busy = 0;
  #open = 0;

  /**
   * `limit`: how many pieces of work hold a lane at a time; `most`: and how many there are, with those that
   * released theirs.
   */
  constructor({ limit, most }: { readonly limit: number; readonly most: number }) {
    this.#limit = limit;
    this.#most = most;
  }

  /**
   * Begins the work once a lane is free. The work may `release` its lane before its end, when it only
   * waits from there on.
   */
  start(work: (release: () => void) => Promise<T>): void {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // Whoever takes the results meets the failure.
    promise.catch(() => {});
    this.#results.push(promise);
    this.#waiting.push(() => {
      let isHeld = true;
      const release = () => {
        if (!isHeld) return;
        isHeld = false;
        this.#busy--;
        this.#next();
      };
      work(release).finally(() => {
        this.#open--;
        release();
        this.#next();
      }).then(resolve, reject);
    });
    this.#next();
  }

  /** The results of everything that was started. Throws the first failure when all work has ended. */
  async *results(): AsyncIterable<T> {
    const open = new Map(
      this.#results.map((
        result,
      ) => [result, Promise.allSettled([result]).then(([end]) => ({ result, end }))]),
    );
    let failure: PromiseRejectedResult | undefined;
    while (open.size > 0) {
      const { result, end } = await Promise.race(open.values());
      open.delete(result);
      if (end.status === "rejected") failure ??= end;
      else if (failure === undefined) yield end.value;
    }
    if (failure !== undefined) throw failure.reason;
  }

  #next(): void {
    while (this.#busy < this.#limit && this.#open < this.#most) {
      const begin = this.#waiting.shift();
      if (begin === undefined) return;
      this.#busy++;
      this.#open++;
      begin();
    }
  }
}
