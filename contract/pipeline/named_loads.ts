import { type LoadDefinition, loadTargets } from "./load.ts";

/** One target of a table's load. */
export interface NamedLoad {
  /** The model, or the stream. */
  readonly table: string;
  /** Its step, as `load:daily→lake`. */
  readonly step: string;
  readonly target: LoadDefinition;
}

/** All loads of a definition, each with the name of its step, in their order. */
export function namedLoads(
  load: Readonly<Record<string, LoadDefinition | readonly LoadDefinition[]>>,
): readonly NamedLoad[] {
  const names = new Set<string>();
  return Object.entries(load).flatMap(([table, targets]) =>
    loadTargets(targets).map((target) => {
      const base = `load:${table}→${target.connector}`;
      let step = base;
      for (let count = 2; names.has(step); count += 1) step = `${base}#${count}`;
      names.add(step);
      return { table, step, target };
    })
  );
}
