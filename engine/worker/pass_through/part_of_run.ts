import type { Connections } from "../connections.ts";
import { requestOf } from "../load.ts";
import type { PlannedLoad } from "../plan.ts";
import type { Points } from "../points.ts";
import type { Reporter } from "../reporter.ts";
import type { PassingLoadOptions } from "./passing_load.ts";

export interface PassingRun {
  readonly runId: string;
  readonly atMs: number;
  readonly connections: Pick<Connections, "destination">;
  readonly reporter: Pick<Reporter, "progress">;
  readonly signal: AbortSignal;
  readonly points: Points;
}

/** What a load that takes rows while they are read has of the run that it is a step of. */
export function partOfRun(
  { runId, atMs, connections, reporter, signal, points }: PassingRun,
  { step: { name }, target: definition }: PlannedLoad,
): Pick<PassingLoadOptions, "connect" | "signal" | "points" | "onProgress"> {
  return {
    connect: async () => {
      const { destination, target } = await connections.destination(definition);
      return { destination, request: requestOf({ runId, atMs }, name, target, definition) };
    },
    signal,
    points: { reach: (point) => points.reach(name, point) },
    onProgress: (rows) => reporter.progress(name, rows),
  };
}
