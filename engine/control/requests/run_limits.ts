import type { Connector } from "../../../contract/connector/connector.ts";
import type { ConnectorHead } from "../../../contract/connector/entry.ts";
import { loadTargets } from "../../../contract/pipeline/load.ts";
import { ownKeys } from "../../../contract/pipeline/pipeline.ts";
import type { RevisionHead } from "../../store/ports/definitions.ts";
import type { NewRun } from "../../store/ports/runs.ts";

export interface LimitsContext {
  /** The kinds of connectors there are. */
  readonly connectors: readonly Connector[];
  /** The slots of each pool that the operator has sized; any other has one. */
  readonly pools?: Readonly<Record<string, number>>;
}

const poolLimit = (pool: string): string => `pool ${pool}`;

/** The sizes of pools under the names of their limits. */
export function poolSlots(pools: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(pools).map(([pool, slots]) => [poolLimit(pool), slots]));
}

/** What a run needs slots of while it goes on: its connectors that say how many connections there are, its pool. */
export function runLimits(revision: RevisionHead, context: LimitsContext): NonNullable<NewRun["limits"]> {
  const { concurrency } = revision.definition;
  const limits = connectionLimits(revision, context);
  if (concurrency === undefined) return limits;
  const { pool, slots: wanted = 1 } = concurrency;
  const sizes = context.pools ?? {};
  const slots = Object.hasOwn(sizes, pool) ? sizes[pool] ?? 1 : 1;
  return { ...limits, [poolLimit(pool)]: { slots, needed: Math.min(wanted, slots) } };
}

/**
 * The connectors that say how many connections there may be: over all runs, so that a run needs as many
 * as it can have open at a time. One that says nothing limits each run by itself, in its own process.
 */
function connectionLimits(
  { connectors, definition }: RevisionHead,
  context: LimitsContext,
): Record<string, { slots: number; needed: number }> {
  const streams = Object.values(definition.extract);
  const targets = Object.values(definition.load).flatMap((load) => loadTargets(load));
  const limits: Record<string, { slots: number; needed: number }> = {};
  for (const [name, entry] of Object.entries(connectors)) {
    const { max_connections: slots } = entry;
    if (slots === undefined) continue;
    const opens = (use: Parameters<typeof ownKeys>[0]) => opensSeveral(entry, ownKeys(use), context);
    let needed = 0;
    for (const stream of streams) {
      if (stream.connector !== name) continue;
      needed += stream.partition !== undefined || opens(stream) ? slots : 1;
    }
    for (const target of targets) {
      if (target.connector === name) needed += opens(target) ? slots : 1;
    }
    if (needed > 0) limits[`connector ${name}`] = { slots, needed: Math.min(needed, slots) };
  }
  return limits;
}

/** Whether one use of the connector takes as many connections as there are: files that move in parts. */
function opensSeveral(
  { type }: ConnectorHead,
  address: Readonly<Record<string, unknown>>,
  { connectors }: LimitsContext,
): boolean {
  return connectors.find(({ name }) => name === type)?.movesParts?.(address) ?? false;
}
