/**
 * One step of the control store's schema. Append-only: a published migration is never edited, and a
 * store only ever goes forward. All statements of one migration run in one transaction.
 */
export interface Migration {
  /** Counts from 1 without a gap. */
  readonly id: number;
  readonly name: string;
  readonly statements: readonly string[];
}
