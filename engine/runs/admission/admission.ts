import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { HeldBy, ServerStatus } from "../../../contract/runs/server_status.ts";
import { repeat } from "../repeat.ts";
import type { Service } from "../service.ts";
import { type Disk, diskOf, diskReserve, isLow, lowDiskText } from "./disk.ts";

const LOOK_EVERY_MS = 10_000;

/** Why no run begins, for a program and for a person. */
export interface Held {
  readonly by: HeldBy;
  readonly message: string;
}

export interface AdmissionContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDir: string;
  /** How many bytes of its disk are kept free; undefined: by its size, 0: none. */
  readonly diskReserveBytes?: number | undefined;
  /** The disk of the folder, in the place of the system's own word. */
  readonly diskOf?: (folder: string) => Promise<Disk | undefined>;
  /** Runs may begin again. */
  readonly onOpen: () => void;
  /** The disk has become too full for runs, or has room again. */
  readonly onDisk: () => void;
}

interface KnownDisk extends Disk {
  readonly reserveBytes: number;
}

/**
 * Whether runs may begin on this server. They wait, and nothing of them is lost, while somebody drains it, while it is
 * about to stop, and while the disk of the data folder is nearly full: what goes on meanwhile needs what is left.
 */
export class Admission implements Service {
  readonly #context: AdmissionContext;
  readonly #stopping = new AbortController();
  #disk: KnownDisk | undefined;
  #isDiskLow = false;
  #drained: { readonly by: string; readonly atMs: number } | undefined;
  #isLeaving = false;
  #loop: Promise<void> | undefined;

  constructor(context: AdmissionContext) {
    this.#context = context;
  }

  /** Looks at the disk now and then; until it has started, the disk keeps nothing back. */
  start(): void {
    const { clock, log } = this.#context;
    this.#loop = repeat(() => this.#look(), {
      clock,
      signal: this.#stopping.signal,
      firstAfterMs: 0,
      everyMs: LOOK_EVERY_MS,
      onError: (error) =>
        log("error", "the disk cannot be looked at; trying again", { error: String(error) }),
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** No run begins from now on, until `undrain`. */
  drain(by: string): void {
    this.#drained ??= { by, atMs: this.#context.clock.now() };
    this.#context.log("info", "no more runs begin", { drained_by: by });
  }

  undrain(by: string): void {
    if (this.#drained === undefined) return;
    this.#drained = undefined;
    this.#context.log("info", "runs begin again", { by });
    this.#context.onOpen();
  }

  /** No run begins any more: the server is about to stop. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Looks at the disk before it says yes. */
  async mayBegin(): Promise<boolean> {
    if (this.#loop !== undefined && this.held === undefined) await this.#look();
    return this.held === undefined;
  }

  /** Why runs do not begin, as it was last seen. */
  get held(): Held | undefined {
    if (this.#isLeaving) return { by: "stop", message: "the server is about to stop" };
    if (this.#drained !== undefined) {
      return {
        by: "drain",
        message: `${this.#drained.by} has drained the server: sluice drain off ends that`,
      };
    }
    const message = this.lowDisk;
    return message === undefined ? undefined : { by: "disk", message };
  }

  /** What is wrong with the disk. */
  get lowDisk(): string | undefined {
    return this.#isDiskLow && this.#disk !== undefined
      ? lowDiskText(this.#context.dataDir, this.#disk, this.#disk.reserveBytes)
      : undefined;
  }

  status(running: number): ServerStatus {
    const { held } = this;
    return {
      starts_runs: held === undefined,
      held_by: held?.by ?? null,
      message: held?.message ?? null,
      running,
      drained_by: this.#drained?.by ?? null,
      drained_at: this.#drained === undefined ? null : new Date(this.#drained.atMs).toISOString(),
      disk: this.#disk === undefined ? null : {
        free_bytes: this.#disk.freeBytes,
        total_bytes: this.#disk.totalBytes,
        reserve_bytes: this.#disk.reserveBytes,
      },
    };
  }

  async #look(): Promise<void> {
    const { dataDir, diskReserveBytes, log, onOpen, onDisk } = this.#context;
    const disk = await (this.#context.diskOf ?? diskOf)(dataDir);
    const wasLow = this.#isDiskLow;
    const reserveBytes = disk === undefined ? 0 : diskReserve(disk, diskReserveBytes);
    this.#disk = disk && { ...disk, reserveBytes };
    this.#isDiskLow = disk !== undefined && isLow(disk, reserveBytes, wasLow);
    if (this.#isDiskLow === wasLow) return;
    const { lowDisk } = this;
    if (lowDisk !== undefined) log("error", `no run begins: ${lowDisk}`);
    else {
      log("info", "the disk has room again: runs begin");
      onOpen();
    }
    onDisk();
  }
}
