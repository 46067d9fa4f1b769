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
