import type { ServerStatus } from "../../contract/runs/server_status.ts";
import type { ServerControl } from "../../engine/control/services/server_control.ts";

/** A server that starts runs until it is drained, or a test says what is wrong with its disk. */
export class FakeServerControl implements ServerControl {
  readonly #now: () => number;
  #drained: Pick<ServerStatus, "drained_by" | "drained_at"> = { drained_by: null, drained_at: null };
  /** What is wrong with the disk. */
  lowDisk: string | null = null;

  constructor(now: () => number) {
    this.#now = now;
  }

  status(): Promise<ServerStatus> {
    const drainedBy = this.#drained.drained_by;
    const held_by = drainedBy !== null ? "drain" : this.lowDisk !== null ? "disk" : null;
    return Promise.resolve({
      starts_runs: held_by === null,
      held_by,
      message: drainedBy !== null ? `${drainedBy} has drained the server` : this.lowDisk,
      running: 0,
      ...this.#drained,
      disk: { free_bytes: 3e9, total_bytes: 1e10, reserve_bytes: 5e8 },
    });
  }

  drain(by: string): Promise<ServerStatus> {
    this.#drained = { drained_by: by, drained_at: new Date(this.#now()).toISOString() };
    return this.status();
  }

  undrain(_by: string): Promise<ServerStatus> {
    this.#drained = { drained_by: null, drained_at: null };
    return this.status();
  }
}
