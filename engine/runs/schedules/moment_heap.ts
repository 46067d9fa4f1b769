/** Moments in their order. */
export class MomentHeap<T> {
  readonly #items: { readonly atMs: number; readonly value: T }[] = [];

  /** The earliest moment; undefined where there is nothing. */
  get earliestMs(): number | undefined {
    return this.#items[0]?.atMs;
  }

  push(atMs: number, value: T): void {
    const items = this.#items;
    let at = items.push({ atMs, value }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#at(parent) <= this.#at(at)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Takes what has the earliest moment. */
  pop(): T | undefined {
    const items = this.#items;
    const [first] = items;
    const last = items.pop();
    if (first === undefined || last === undefined) return undefined;
    if (items.length > 0) {
      items[0] = last;
      this.#sink();
    }
    return first.value;
  }

  #sink(): void {
    for (let at = 0;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#items.length && this.#at(child) < this.#at(least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #at(index: number): number {
    return this.#items[index]?.atMs ?? Infinity;
  }

  #swap(one: number, other: number): void {
    const [first, second] = [this.#items[one], this.#items[other]];
    if (first === undefined || second === undefined) return;
    [this.#items[one], this.#items[other]] = [second, first];
  }
}
