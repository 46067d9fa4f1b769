/** A place in a user's file. `line` and `column` count from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** One fault of a user's file, as `sluice check` prints it: `file:line:column: message`. */
export interface Fault extends SourcePlace {
  readonly message: string;
  readonly severity: "error" | "warning";
}

/** `file:line:column: message`, leaving out what is not known. */
export function formatFault(fault: Fault): string {
  const place = [fault.file, fault.line, fault.line === undefined ? undefined : fault.column]
    .filter((part) => part !== undefined).join(":");
  return `${place}: ${fault.severity === "warning" ? "warning: " : ""}${fault.message}`;
}

/** So many faults of one file are shown: nobody reads more, and a file may have one a line. */
export const MAX_FAULTS = 100;

/**
 * The first faults and, where there are more, one that says how many; it is as severe as the worst of
 * those that are left out. `summarize` makes it of its message and severity.
 */
export function boundFaults<T extends { readonly severity: Fault["severity"] }>(
  faults: readonly T[],
  summarize: (message: string, severity: Fault["severity"]) => T,
): readonly T[] {
  const rest = faults.slice(MAX_FAULTS);
  if (rest.length === 0) return faults;
  const severity = rest.some((fault) => fault.severity === "error") ? "error" : "warning";
  return [...faults.slice(0, MAX_FAULTS), summarize(moreFaults(rest.length), severity)];
}

export function moreFaults(count: number): string {
  return `and ${count} more`;
}
