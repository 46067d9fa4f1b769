import type { ColumnChange } from "../../contract/plan/plan.ts";
import { type Column, findColumn } from "../../contract/sql.ts";

/** What differs between the columns of two versions of a model, in the order of the new version; what is gone comes last. */
export function columnChanges(before: readonly Column[], after: readonly Column[]): ColumnChange[] {
  const added = after.filter(({ name }) => findColumn(before, name) === undefined);
  const removed = before.filter(({ name }) => findColumn(after, name) === undefined);
  const renamed = renamedColumns(before, after, added, removed);
  const changes: ColumnChange[] = [];
  for (const column of after) {
    const was = findColumn(before, column.name);
    const old = renamed.get(column);
    if (old !== undefined) {
      changes.push({
        name: old.name,
        change: "renamed",
        before: old.name,
        after: column.name,
        breaking: true,
      });
    } else if (was === undefined) {
      changes.push({ name: column.name, change: "added", before: null, after: column.type, breaking: false });
    } else if (was.type !== column.type) {
      changes.push({
        name: column.name,
        change: "type",
        before: was.type,
        after: column.type,
        breaking: !isWider(was.type, column.type),
      });
    }
  }
  const gone = removed.filter((column) => ![...renamed.values()].includes(column));
  return [
    ...changes,
    ...gone.map(({ name, type }): ColumnChange => ({
      name,
      change: "removed",
      before: type,
      after: null,
      breaking: true,
    })),
  ];
}

/** New columns that stand where one of the same type is gone. */
function renamedColumns(
  before: readonly Column[],
  after: readonly Column[],
  added: readonly Column[],
  removed: readonly Column[],
): ReadonlyMap<Column, Column> {
  const neighbours = (columns: readonly Column[], column: Column) => {
    const at = columns.indexOf(column);
    return [columns[at - 1]?.name ?? "", columns[at + 1]?.name ?? ""];
  };
  const renamed = new Map<Column, Column>();
  for (const column of added) {
    const [previous, next] = neighbours(after, column);
    const old = removed.find((candidate) => {
      if (candidate.type !== column.type || [...renamed.values()].includes(candidate)) return false;
      const [before1, after1] = neighbours(before, candidate);
      return before1 === previous || after1 === next;
    });
    if (old !== undefined && (before.length === after.length || added.length === 1)) renamed.set(column, old);
  }
  return renamed;
}

/** Each takes all values of those before it. */
const LADDERS: readonly (readonly string[])[] = [
  ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"],
  ["UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"],
  ["FLOAT", "DOUBLE"],
  ["TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP"],
];

/** Digits before the point that a whole number may have. */
const DIGITS: Readonly<Record<string, number>> = {
  TINYINT: 3,
  SMALLINT: 5,
  INTEGER: 10,
  BIGINT: 19,
  UTINYINT: 3,
  USMALLINT: 5,
  UINTEGER: 10,
  UBIGINT: 20,
};

const NEXT_SIGNED: Readonly<Record<string, string>> = {
  UTINYINT: "SMALLINT",
  USMALLINT: "INTEGER",
  UINTEGER: "BIGINT",
  UBIGINT: "HUGEINT",
};

/** Whether every value of the one type is one of the other, of the same kind: numbers stay numbers. */
export function isWider(before: string, after: string): boolean {
  const ladder = LADDERS.find((types) => types.includes(before));
  if (ladder?.includes(after)) return ladder.indexOf(after) > ladder.indexOf(before);
  const signed = NEXT_SIGNED[before];
  if (signed !== undefined && (after === signed || isWider(signed, after))) return true;
  const now = decimalOf(after);
  if (now === undefined) return false;
  const was = decimalOf(before);
  if (was !== undefined) return now.whole >= was.whole && now.scale >= was.scale;
  const digits = DIGITS[before];
  return digits !== undefined && now.whole >= digits;
}

function decimalOf(type: string): { readonly whole: number; readonly scale: number } | undefined {
  const [, width, scale] = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type) ?? [];
  if (width === undefined || scale === undefined) return undefined;
  return { whole: Number(width) - Number(scale), scale: Number(scale) };
}
