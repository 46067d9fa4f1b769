import type { Fault } from "../../text/fault.ts";

/** How a row differs: it is not there, it is there and was not expected, or it has other values. */
export interface RowDifference {
  readonly kind: "missing" | "unexpected" | "changed";
  /** By the compared columns, in order: of a missing row what was expected, else what is there; null is NULL. */
  readonly values: readonly (string | null)[];
  /** Of a changed row: what was expected; the same where nothing differs. */
  readonly expected?: readonly (string | null)[];
}

export interface TableDifference {
  readonly columns: readonly string[];
  readonly missing: number;
  readonly unexpected: number;
  readonly changed: number;
  /** Only their order differs. */
  readonly isOrder: boolean;
  /** The first of them. */
  readonly rows: readonly RowDifference[];
}

/** `failed`: other rows than expected. `error`: it could not be run, for the faults. */
export interface TestOutcome {
  readonly name: string;
  readonly pipeline: string;
  readonly model: string;
  /** Where it stands, relative to the project. */
  readonly file: string;
  readonly line: number | null;
  readonly state: "passed" | "failed" | "error";
  readonly duration_ms: number;
  readonly difference: TableDifference | null;
  readonly faults: readonly Fault[];
}
