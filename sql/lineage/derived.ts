import {
  type ColumnAddress,
  type ColumnInfluence,
  type ColumnSource,
  type Influence,
  INFLUENCES,
  type Way,
  WAYS,
} from "../../contract/lineage/lineage.ts";

/** Sources by their column: each one once, by the closest of its ways. */
type Sources = ReadonlyMap<string, ColumnSource>;
type Influences = ReadonlyMap<string, ColumnAddress & { readonly influences: ReadonlySet<Influence> }>;

/** Where a value comes from, and what else decides on it. */
export interface Derived {
  readonly sources: Sources;
  readonly influences: Influences;
}

/** Of a constant. */
export const NOTHING: Derived = { sources: new Map(), influences: new Map() };

const keyOf = ({ table, column }: ColumnAddress): string => `${table}\0${column}`;

/** A copy of the column. */
export function copyOf(table: string, column: string): Derived {
  const source: ColumnSource = { table, column, way: "direct" };
  return { sources: new Map([[keyOf(source), source]]), influences: new Map() };
}

/** A value that is one of these, or made of all of them. */
export function merged(all: readonly Derived[]): Derived {
  const [first = NOTHING, second, ...more] = all.filter((one) => one !== NOTHING);
  if (second === undefined) return first;
  const sources = new Map(first.sources);
  const influences = new Map(first.influences);
  for (const one of [second, ...more]) {
    for (const [key, source] of one.sources) {
      const known = sources.get(key);
      sources.set(key, known === undefined ? source : closer(known, source));
    }
    addInfluences(influences, one.influences);
  }
  return { sources, influences };
}

function closer(one: ColumnSource, other: ColumnSource): ColumnSource {
  const way = WAYS.indexOf(one.way) <= WAYS.indexOf(other.way) ? one.way : other.way;
  const { table, column } = one;
  return {
    table,
    column,
    way,
    ...(one.hidden === true && other.hidden === true ? { hidden: true } : {}),
  };
}

function addInfluences(
  to: Map<string, ColumnAddress & { influences: ReadonlySet<Influence> }>,
  from: Influences,
) {
  for (const [key, influence] of from) {
    const known = to.get(key);
    to.set(
      key,
      known === undefined
        ? influence
        : { ...known, influences: known.influences.union(influence.influences) },
    );
  }
}

/** A value that is computed of this one. */
export function changed(value: Derived, way: Exclude<Way, "direct">, isHidden = false): Derived {
  if (value.sources.size === 0) return value;
  const sources = new Map<string, ColumnSource>();
  for (const [key, source] of value.sources) {
    sources.set(key, {
      ...source,
      way: source.way === "aggregated" ? "aggregated" : way,
      ...(isHidden ? { hidden: true } : {}),
    });
  }
  return { ...value, sources };
}

/** What only decides: it gives no value. */
export function deciding(value: Derived, influence: Influence): Derived {
  if (value.sources.size === 0) return value;
  const influences = new Map(value.influences);
  const own = new Map(
    [...value.sources.values()].map(({ table, column }) => {
      const address = { table, column };
      return [keyOf(address), { ...address, influences: new Set([influence]) }];
    }),
  );
  addInfluences(influences, own);
  return { sources: new Map(), influences };
}

export function sourcesOf({ sources }: Derived): ColumnSource[] {
  return [...sources.values()].sort(byAddress);
}

export function influencesOf({ influences }: Derived): ColumnInfluence[] {
  return [...influences.values()].map(({ table, column, influences: kinds }) => ({
    table,
    column,
    influences: INFLUENCES.filter((kind) => kinds.has(kind)),
  })).sort(byAddress);
}

function byAddress(one: ColumnAddress, other: ColumnAddress): number {
  return compare(one.table, other.table) || compare(one.column, other.column);
}

const compare = (one: string, other: string): number => one < other ? -1 : one > other ? 1 : 0;

/** Whether the two say the same. */
export function isSame(one: Derived, other: Derived): boolean {
  if (one === other) return true;
  return JSON.stringify([sourcesOf(one), influencesOf(one)]) ===
    JSON.stringify([sourcesOf(other), influencesOf(other)]);
}
