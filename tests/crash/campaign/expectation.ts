/** What a destination is to hold after a load, by the mode's own rule and nothing of the engine's. */

export interface SourceRow {
  readonly id: number;
  readonly name: string | null;
  /** What partitions are told apart by. */
  readonly part: number;
  /** Marked as deleted. */
  readonly gone: boolean;
  /** Greater with each round: what an update_key is. */
  readonly moved: number;
}

/** A row of the destination; `current` is true but for closed versions of a history. */
export interface TargetRow {
  readonly id: number;
  readonly name: string | null;
  readonly part: number;
  readonly current: boolean;
}

export interface LoadKeys {
  readonly mode: "replace" | "append" | "merge" | "delete_insert" | "scd2";
  /** Rows of keys that are not among the new ones go, or are closed. */
  readonly deletesMissing: boolean;
  /** Marked rows are not loaded, and go or are closed. */
  readonly hardDelete: boolean;
}

/** What the stream's own table is to hold after a read of these rows. */
export function afterRead(
  before: readonly SourceRow[],
  rows: readonly SourceRow[],
  reads: "full" | "incremental" | "append",
): readonly SourceRow[] {
  if (reads === "full") return rows;
  const ids = new Set(rows.map(({ id }) => id));
  return [...before.filter(({ id }) => reads === "append" || !ids.has(id)), ...rows];
}

export function afterLoad(
  before: readonly TargetRow[],
  rows: readonly SourceRow[],
  { mode, deletesMissing, hardDelete }: LoadKeys,
): readonly TargetRow[] {
  const gone = new Set(hardDelete ? rows.filter((row) => row.gone).map(({ id }) => id) : []);
  const sent = rows.filter(({ id }) => !gone.has(id))
    .map(({ id, name, part }): TargetRow => ({ id, name, part, current: true }));
  const ids = new Set(sent.map(({ id }) => id));
  const parts = new Set(sent.map(({ part }) => part));
  switch (mode) {
    case "replace":
      return sent;
    case "append":
      return [...before, ...sent];
    case "delete_insert":
      return [...before.filter(({ part }) => !parts.has(part)), ...sent];
    case "merge":
      return deletesMissing ? sent : [...before.filter(({ id }) => !ids.has(id) && !gone.has(id)), ...sent];
    case "scd2": {
      const same = (one: TargetRow, other: TargetRow) => one.name === other.name && one.part === other.part;
      const ends = (row: TargetRow) => {
        if (!row.current) return false;
        const next = sent.find(({ id }) => id === row.id);
        return next === undefined ? gone.has(row.id) || deletesMissing : !same(row, next);
      };
      const kept = before.map((row) => (ends(row) ? { ...row, current: false } : row));
      const holds = new Set(kept.filter(({ current }) => current).map(({ id }) => id));
      return [...kept, ...sent.filter(({ id }) => !holds.has(id))];
    }
  }
}

/** Rows as text, in an order of their own. */
export const textsOf = (rows: readonly TargetRow[]): readonly string[] =>
  rows.map(({ id, name, part, current }) => JSON.stringify([id, name, part, current])).toSorted();
