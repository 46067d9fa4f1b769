import { choosesRows, type LoadDefinition } from "../../../contract/pipeline/load.ts";
import type { PlannedExtract, PlannedLoad, PlannedStep } from "../plan.ts";

/**
 * The load that can take a stream's rows while they are read, as far as the pipeline says; undefined
 * where it has to wait for the table. All of this has to be so:
 *
 * - the load waits for nothing but the stream;
 * - nothing else waits for the stream, as another load or a model: it would have to wait for the
 *   destination too, since the slower of the two sets the pace;
 * - its destination can stage rows while they are read (`stagesWhileReading`);
 * - the stream is read in one piece, and no row replaces another by a key;
 * - the load sends all of the table's rows as they are.
 *
 * The rest is known only when the stream is read: that its rows come as Arrow, and from the beginning
 * into an empty table (`StreamSink.storesAsRead`), and that its types are stored as they come
 * (`schemaAsStored`).
 */
export function loadInPass(
  { step, stream }: PlannedExtract,
  steps: readonly PlannedStep[],
  stagesWhileReading: (target: LoadDefinition) => boolean,
): PlannedLoad | undefined {
  const [load, other] = steps.filter(({ step: { depends } }) => depends.includes(step.name));
  if (load?.kind !== "load" || other !== undefined) return undefined;
  if (load.step.depends.some((name) => name !== step.name)) return undefined;
  // It has another way: see straight_load.ts.
  if (!stream.store) return undefined;
  if (stream.mode === "incremental" || stream.mode === "cdc" || stream.partition !== undefined) {
    return undefined;
  }
  if (choosesRows(load.target)) return undefined;
  return stagesWhileReading(load.target) ? load : undefined;
}
