import { type ExecuteContext, executeRun } from "./attempt/prepare.ts";
import type { Worker } from "./worker.ts";

/** A worker that spawns a child process of this program for each attempt. */
export function createLocalWorker(context: ExecuteContext): Worker {
  return {
    run(run, lease) {
      const stopping = new AbortController();
      return {
        done: executeRun(context, run, lease, stopping.signal),
        stop: (reason) => stopping.abort(reason),
      };
    },
  };
}
