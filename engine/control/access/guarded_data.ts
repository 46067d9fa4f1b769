import type { Guard } from "./guard.ts";
import type { PublishedData } from "../data/port.ts";

/** Snapshots are told of to whoever may look at the pipeline, their rows to whoever may look at its data. */
export function guardedData(inner: PublishedData, guard: Guard): PublishedData {
  return {
    async list(pipeline) {
      await guard.requireFor("pipeline:view", pipeline);
      return await inner.list(pipeline);
    },
    async find(pipeline, ...rest) {
      await guard.requireFor("pipeline:data", pipeline);
      return await inner.find(pipeline, ...rest);
    },
    async read(snapshot, ...rest) {
      await guard.requireFor("pipeline:data", snapshot.pipeline);
      return await inner.read(snapshot, ...rest);
    },
  };
}
