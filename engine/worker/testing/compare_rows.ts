import type { RowDifference, TableDifference } from "../../../contract/testing/outcome.ts";

/** Rows as texts, by the compared columns. */
export type TextRow = readonly (string | null)[];

export interface Comparison {
  readonly columns: readonly string[];
  /** Places in `columns` of what tells rows apart; empty where that is not known. */
  readonly key: readonly number[];
  /** Places in `columns` of numbers with a fraction. */
  readonly fractional: ReadonlySet<number>;
  readonly tolerance: number;
  readonly ordered: boolean;
}

/** Of the rows that differ so many are told. */
const TOLD_ROWS = 50;
/** Beyond so many pairs, a row that differs is not looked for in all that are left. */
const MAX_PAIRS = 250_000;

/** What differs; undefined where nothing does. */
export function compareRows(
  comparison: Comparison,
  actual: readonly TextRow[],
  expected: readonly TextRow[],
): TableDifference | undefined {
  const { columns, ordered } = comparison;
  const { missing, unexpected } = unmatched(comparison, actual, expected);
  if (missing.length === 0 && unexpected.length === 0) {
    const isSameOrder = !ordered ||
      actual.every((row, index) => isSameRow(comparison, row, expected[index] ?? []));
    if (isSameOrder) return undefined;
    return {
      columns,
      missing: 0,
      unexpected: 0,
      changed: 0,
      isOrder: true,
      rows: actual.slice(0, TOLD_ROWS).map((values) => ({ kind: "unexpected", values })),
    };
  }
  const { pairs, rest } = paired(comparison, unexpected, missing);
  const rows: RowDifference[] = [
    ...pairs.map(([values, wanted]) => ({ kind: "changed" as const, values, expected: wanted })),
    ...rest.missing.map((values) => ({ kind: "missing" as const, values })),
    ...rest.unexpected.map((values) => ({ kind: "unexpected" as const, values })),
  ];
  return {
    columns,
    missing: rest.missing.length,
    unexpected: rest.unexpected.length,
    changed: pairs.length,
    isOrder: false,
    rows: rows.slice(0, TOLD_ROWS),
  };
}

interface Unmatched {
  readonly missing: readonly TextRow[];
  readonly unexpected: readonly TextRow[];
}

/** Takes away each pair of rows that are the same, as often as they come. */
function unmatched(
  comparison: Comparison,
  actual: readonly TextRow[],
  expected: readonly TextRow[],
): Unmatched {
  const open = new Map<string, number>();
  for (const row of actual) open.set(textOf(row), (open.get(textOf(row)) ?? 0) + 1);
  const missing: TextRow[] = [];
  for (const row of expected) {
    const count = open.get(textOf(row)) ?? 0;
    if (count === 0) missing.push(row);
    else open.set(textOf(row), count - 1);
  }
  const unexpected: TextRow[] = [];
  for (const row of actual) {
    const count = open.get(textOf(row)) ?? 0;
    if (count === 0) continue;
    open.set(textOf(row), count - 1);
    unexpected.push(row);
  }
  return comparison.tolerance === 0 ? { missing, unexpected } : withoutNear(comparison, missing, unexpected);
}

function withoutNear(
  comparison: Comparison,
  missing: readonly TextRow[],
  unexpected: readonly TextRow[],
): Unmatched {
  const left = [...unexpected];
  const lacking = missing.filter((wanted) => {
    const found = left.findIndex((row) => isSameRow(comparison, row, wanted));
    if (found !== -1) left.splice(found, 1);
    return found === -1;
  });
  return { missing: lacking, unexpected: left };
}

/** Rows of the same key; without a key, rows that have most values in common, and more than half of them. */
function paired(comparison: Comparison, unexpected: readonly TextRow[], missing: readonly TextRow[]) {
  const { key, columns } = comparison;
  const pairs: [TextRow, TextRow][] = [];
  const left = [...unexpected];
  const isTooMany = key.length === 0 && left.length * missing.length > MAX_PAIRS;
  const lacking = missing.filter((wanted) => {
    if (isTooMany) return true;
    const scores = left.map((row) =>
      key.length > 0
        ? Number(key.every((at) => row[at] === wanted[at]))
        : columns.filter((_, at) => isSameCell(comparison, at, row[at], wanted[at])).length / columns.length
    );
    const best = Math.max(...scores);
    const found = scores.indexOf(best);
    if (found === -1 || best <= 0.5) return true;
    const [row = []] = left.splice(found, 1);
    pairs.push([row, wanted]);
    return false;
  });
  return { pairs, rest: { missing: lacking, unexpected: left } };
}

const textOf = (row: TextRow): string => JSON.stringify(row);

const isSameRow = (comparison: Comparison, row: TextRow, other: TextRow): boolean =>
  row.every((cell, at) => isSameCell(comparison, at, cell, other[at]));

function isSameCell(
  { fractional, tolerance }: Comparison,
  at: number,
  cell: string | null | undefined,
  other: string | null | undefined,
): boolean {
  if (cell === other) return true;
  if (tolerance === 0 || !fractional.has(at) || cell === null || other === null) return false;
  return Math.abs(Number(cell) - Number(other)) <= tolerance;
}
