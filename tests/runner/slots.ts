/** So many things at a time: those of a lower order first, and those of the same order as they were asked for. */
export class Slots {
  #free: number;
  readonly #waiting: { readonly order: number; readonly begin: () => void }[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Does the work when there is a place for it. */
  async use<T>(order: number, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((begin) => this.#enqueue(order, begin));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next.begin();
    }
  }

  #enqueue(order: number, begin: () => void): void {
    const behind = this.#waiting.findIndex((other) => other.order > order);
    this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, { order, begin });
  }
}
