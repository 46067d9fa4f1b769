import { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type * as Esbuild from "esbuild";

/** Where node tells of a process once it runs. */
const STARTED = "tracing:child_process.spawn:end";

/**
 * esbuild's own process, which all who bundle at a time share: it is loaded and started with the first, and is gone
 * when the last is done, so that a project without scripts never pays for it.
 */
class EsbuildService {
  #users = 0;
  #child: ChildProcess | undefined;

  /** Hands esbuild to `work`, and returns what that does. */
  async use<T>(work: (esbuild: typeof Esbuild) => Promise<T>): Promise<T> {
    if (this.#users++ === 0) subscribe(STARTED, this.#noteChild);
    const esbuild = await import("esbuild");
    try {
      return await work(esbuild);
    } finally {
      if (--this.#users === 0) {
        unsubscribe(STARTED, this.#noteChild);
        const child = this.#child;
        this.#child = undefined;
        // It does not wait for its process by itself.
        const gone = child === undefined ? undefined : exitOf(child);
        await esbuild.stop();
        await gone;
      }
    }
  }

  /** It keeps its process to itself, but node tells of each one that is started. */
  #noteChild = (message: unknown) => {
    if (typeof message !== "object" || message === null || !("process" in message)) return;
    const { process } = message;
    if (process instanceof ChildProcess && /esbuild/.test(process.spawnfile)) this.#child = process;
  };
}

async function exitOf(child: ChildProcess): Promise<void> {
  child.ref();
  if (child.exitCode !== null || child.signalCode !== null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once("exit", () => resolve());
  await promise;
}

/** One a process, as esbuild's own is. */
export const esbuildService = new EsbuildService();
