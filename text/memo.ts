/** What was not asked for in so many rounds is let go of: a text that is broken for a while comes back. */
const ROUNDS_KEPT = 20;

/**
 * Results of work that is done again and again over much that stays the same: the last of each name, good as long as
 * what it was made of is the same (by identity; texts by value).
 */
export class Memo<T> {
  readonly #known = new Map<string, Known<T>>();
  #round = 0;

  /** The next round begins. */
  turn(): void {
    this.#round += 1;
    for (const [name, { round }] of this.#known) {
      if (round + ROUNDS_KEPT < this.#round) this.#known.delete(name);
    }
  }

  /** The result where it was made of the same; undefined otherwise. */
  recall(name: string, madeOf: readonly unknown[]): T | undefined {
    const known = this.#known.get(name);
    if (known === undefined || !isSame(known.madeOf, madeOf)) return undefined;
    known.round = this.#round;
    return known.result;
  }

  keep(name: string, madeOf: readonly unknown[], result: T): T {
    this.#known.set(name, { madeOf, result, round: this.#round });
    return result;
  }

  /** The known result, or the one that `make` returns. What it throws is not kept. */
  of(name: string, madeOf: readonly unknown[], make: () => T): T {
    return this.recall(name, madeOf) ?? this.keep(name, madeOf, make());
  }
}

interface Known<T> {
  readonly madeOf: readonly unknown[];
  readonly result: T;
  round: number;
}

const isSame = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((part, index) => Object.is(part, other[index]));
