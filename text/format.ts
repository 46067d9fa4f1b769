/**
 * How durations, counts and sizes read, on a terminal and on the pages alike. Numbers are grouped the
 * English way; what is not known is a dash.
 */

export const MISSING = "–";

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** `840 ms`, `12.4 s`, `3 m 05 s`, `2 h 05 m`, `3 d 4 h`; a dash for null. */
export function formatDuration(durationMs: number | null): string {
  if (durationMs === null) return MISSING;
  const ms = Math.max(0, durationMs);
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < MINUTE_MS) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} m ${twoDigits(ms % MINUTE_MS / SECOND_MS)} s`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ${twoDigits(ms % HOUR_MS / MINUTE_MS)} m`;
  return `${Math.floor(ms / DAY_MS)} d ${Math.floor(ms % DAY_MS / HOUR_MS)} h`;
}

function twoDigits(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}

const COUNT = new Intl.NumberFormat("en-US");

/** `1,234,567`; a dash for null. */
export function formatCount(count: number | null): string {
  return count === null ? MISSING : COUNT.format(count);
}

const COUNT_UNITS = ["", " k", " M", " G", " T"] as const;

/** Three digits at most: `950`, `12.3 k`, `1.23 M`; a dash for null. */
export function formatShortCount(count: number | null): string {
  if (count === null) return MISSING;
  return count < 10_000 ? COUNT.format(count) : scale(count, COUNT_UNITS);
}

const SIZE_UNITS = [" B", " kB", " MB", " GB", " TB", " PB"] as const;

/** Decimal units with three digits: `512 B`, `1.20 kB`, `83.4 MB`; a dash for null. */
export function formatBytes(sizeBytes: number | null): string {
  return sizeBytes === null ? MISSING : scale(sizeBytes, SIZE_UNITS);
}

function scale(value: number, units: readonly string[]): string {
  let scaled = value;
  let unit = 0;
  // 999.5 would be shown as "1000": it belongs to the next unit already.
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1_000;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)}${units[unit] ?? ""}`;
}

/** `3 checks`, `1 check`. */
export function formatPlural(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}
