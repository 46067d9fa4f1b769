import type { PlannedColumn } from "../../read/plan.ts";
import type { ColumnFacts } from "../column_facts.ts";

/** A column as the log has it at one place, and how a read would have selected it. */
export interface LoggedColumn extends PlannedColumn {
  /** Where it stands in a row of the log. */
  readonly place: number;
  readonly facts: ColumnFacts;
  /** Of ENUM and SET. */
  readonly labels: readonly Uint8Array[];
  /** The width that zeros fill, of a number that is declared so. */
  readonly zerofill: number | undefined;
  /** Whether it is read as the server's own text. */
  readonly isText: boolean;
}
