import type { MetricSample } from "../../../text/exposition.ts";

type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly labels: Labels;
  /** How many values were at most each bound, and above the one before it. */
  readonly counts: number[];
  count: number;
  sum: number;
}

/** Values in buckets, whose bounds grow; without bounds it is a summary of sum and count. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(bounds: readonly number[] = []) {
    this.#bounds = bounds;
  }

  observe(labels: Labels, value: number, times = 1): void {
    const series = this.#of(labels);
    const place = this.#bounds.findIndex((bound) => value <= bound);
    if (place !== -1) series.counts[place] = (series.counts[place] ?? 0) + times;
    series.count += times;
    series.sum += value;
  }

  /** Forgets the series for which `isKept` is false. */
  keep(isKept: (labels: Labels) => boolean): void {
    for (const [key, { labels }] of this.#series) if (!isKept(labels)) this.#series.delete(key);
  }

  samples(): MetricSample[] {
    return [...this.#series.values()].flatMap(({ labels, counts, count, sum }) => [
      ...this.#buckets(labels, counts, count),
      { suffix: "_sum" as const, labels, value: sum },
      { suffix: "_count" as const, labels, value: count },
    ]);
  }

  #buckets(labels: Labels, counts: readonly number[], count: number): MetricSample[] {
    if (this.#bounds.length === 0) return [];
    let below = 0;
    const buckets = this.#bounds.map((bound, place) => {
      below += counts[place] ?? 0;
      return { suffix: "_bucket" as const, labels: { ...labels, le: String(bound) }, value: below };
    });
    return [...buckets, { suffix: "_bucket" as const, labels: { ...labels, le: "+Inf" }, value: count }];
  }

  #of(labels: Labels): Series {
    const key = JSON.stringify(labels);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const series = { labels, counts: this.#bounds.map(() => 0), count: 0, sum: 0 };
    this.#series.set(key, series);
    return series;
  }
}

/** A number for each set of labels. */
export class Counter {
  readonly #values = new Map<string, { readonly labels: Labels; value: number }>();

  /** Zero begins a series: what grows for the first time can only then be seen to grow. */
  add(labels: Labels, value: number): void {
    const key = JSON.stringify(labels);
    const known = this.#values.get(key);
    if (known === undefined) this.#values.set(key, { labels, value });
    else known.value += value;
  }

  keep(isKept: (labels: Labels) => boolean): void {
    for (const [key, { labels }] of this.#values) if (!isKept(labels)) this.#values.delete(key);
  }

  samples(): MetricSample[] {
    return [...this.#values.values()].map(({ labels, value }) => ({ labels, value }));
  }
}
