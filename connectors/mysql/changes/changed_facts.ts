import { keepsValues } from "./column_facts.ts";
import type { FollowState, TableFacts } from "./follow_state.ts";
import type { FollowedTable } from "./followed_table.ts";

/**
 * Why the table's rows are to be read again: something happened to them that no log tells of. Undefined
 * where the log has it all.
 */
export function reasonToReadAgain(
  { before, facts, request }: Pick<FollowedTable, "facts" | "request"> & {
    readonly before: Pick<FollowState, "facts"> | undefined;
  },
): string | undefined {
  if (before === undefined) return "it was not read before";
  if (before.facts.table !== facts.table) return `it is another table than before (${before.facts.table})`;
  const { text_columns: texts } = request.address.options;
  const was = new Map(before.facts.columns.map((column) => [column.name, column]));
  const now = new Map(facts.columns.map((column) => [column.name, column]));
  const wanted = facts.read.filter((name) => was.has(name) && !before.facts.read.includes(name));
  if (wanted.length > 0) return `${wanted.join(", ")} was not read before`;
  const added = facts.read.filter((name) => !was.has(name));
  const filled = added.filter((name) => now.get(name)?.isFilled === true);
  if (filled.length > 0) {
    return `the new column ${filled.join(", ")} has values in rows that were there before`;
  }
  const gone = before.facts.read.filter((name) => !now.has(name));
  if (added.length > 0 && gone.length > 0) {
    return `${added.join(", ")} may be ${gone.join(", ")} under another name`;
  }
  const retyped = facts.read.filter((name) => {
    const [one, other] = [was.get(name), now.get(name)];
    if (one === undefined || other === undefined) return false;
    return !keepsValues(one, other) || texts.includes(name) && one.declared !== other.declared;
  });
  return retyped.length > 0 ? `its rows were written anew when ${retyped.join(", ")} changed` : undefined;
}

/** What the table was like where the stream is in the log, of which as much is read as is asked for now. */
export function factsBefore({ before, facts }: FollowedTable): TableFacts {
  if (before === undefined) return facts;
  const { table, columns, read } = before.facts;
  const isThere = (name: string) => facts.columns.some((column) => column.name === name);
  const isRead = (name: string) => (isThere(name) ? facts.read : read).includes(name);
  return { table, columns, read: columns.map(({ name }) => name).filter(isRead) };
}

/** Whether both have the same columns, of the same types; whether they may be NULL is another matter. */
export function hasSameColumns(one: TableFacts, other: TableFacts): boolean {
  const texts = [one, other].map(({ columns, read }) =>
    JSON.stringify([
      columns.map(({ isFilled: _, ...column }) => Object.entries(column).toSorted(byName)),
      read,
    ])
  );
  return texts[0] === texts[1];
}

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : 1;
