/** What one round of a benchmark took. */
export interface Measured {
  readonly seconds: number;
  readonly peakRssBytes: number;
}

/** The round in the middle by time. Throws where there is none. */
export function median(rounds: readonly Measured[]): Measured {
  const sorted = rounds.toSorted((a, b) => a.seconds - b.seconds);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error("nothing was measured");
  return middle;
}

/** `2.41 s (peak RSS 480 MB)`. */
export function show(measured: Measured | undefined): string {
  if (measured === undefined) return "-";
  return `${measured.seconds.toFixed(2)} s (peak RSS ${(measured.peakRssBytes / 1e6).toFixed(0)} MB)`;
}
