import { loadTargets } from "../../../contract/pipeline/load.ts";
import type { NewRun, RevisionHead } from "../../store/store.ts";

/**
 * The connectors that say how many connections there may be: over all runs, so that a run needs as many
 * as it can have open at a time. One that says nothing limits each run by itself, in its own process.
 */
export function connectionLimits({ connectors, definition }: RevisionHead): NonNullable<NewRun["limits"]> {
  const uses = [
    ...Object.values(definition.extract),
    ...Object.values(definition.load).flatMap((load) => loadTargets(load)),
  ];
  const limits: Record<string, { slots: number; needed: number }> = {};
  for (const [name, { max_connections: slots }] of Object.entries(connectors)) {
    if (typeof slots !== "number") continue;
    const count = uses.filter(({ connector }) => connector === name).length;
    if (count > 0) limits[`connector ${name}`] = { slots, needed: Math.min(count, slots) };
  }
  return limits;
}
