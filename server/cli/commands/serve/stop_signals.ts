import type { CliContext } from "../../command.ts";

/** What signals ask of a server: to stop in order, to wait for nothing, to end at once. */
export interface StopSignals extends Disposable {
  /** The first one has come. */
  readonly stopped: Promise<void>;
  /** Does the work; the next signal aborts what it is given. */
  whileDraining(work: (stopNow: AbortSignal) => Promise<void>): Promise<void>;
}

/** The first signal stops the server in order, a second one while it drains ends that, and any other ends it at once. */
export function createStopSignals(context: Pick<CliContext, "onInterrupt" | "exit">): StopSignals {
  const stopped = Promise.withResolvers<void>();
  let isStopping = false;
  let draining: AbortController | undefined;
  const interrupts = context.onInterrupt(() => {
    if (!isStopping) {
      isStopping = true;
      stopped.resolve();
    } else if (draining !== undefined && !draining.signal.aborted) draining.abort();
    else context.exit(1);
  });
  return {
    stopped: stopped.promise,
    async whileDraining(work) {
      draining = new AbortController();
      await work(draining.signal);
      draining = undefined;
    },
    [Symbol.dispose]: () => interrupts[Symbol.dispose](),
  };
}
