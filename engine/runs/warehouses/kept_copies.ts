import { AppError } from "../../../contract/errors.ts";
import type { WarehouseKey } from "../../../contract/keys/warehouse_key.ts";
import { openScratchFolder, type ScratchFolder } from "./copies_folder.ts";
import { type CopyContext, copyWarehouse } from "./copy_warehouse.ts";
import { warehousePath, warehouseState } from "./warehouse_file.ts";

/** A copy that nobody has asked for takes room on the disk for so long. */
const IDLE_MS = 300_000;

/** A copy that is somebody's to read until it is disposed of. */
export interface LentCopy extends AsyncDisposable {
  /** Absolute. Nobody changes it; a file of the same name with `.wal` behind is part of it. */
  readonly path: string;
  readonly key: WarehouseKey | undefined;
  /** The folder that it is in. */
  readonly folder: string;
  /** When the warehouse was last changed before it was copied, epoch milliseconds. */
  readonly asOfMs: number;
}

export interface TakeOptions {
  /** What it is for, to be read: `preview the model daily of orders`. */
  readonly purpose: string;
  /** How long it waits for a run that is under way, where there is no older copy. */
  readonly waitMs: number;
}

interface Kept {
  readonly scratch: ScratchFolder;
  readonly path: string;
  readonly key: WarehouseKey | undefined;
  readonly state: FileState;
  users: number;
  isOver: boolean;
  /** Aborted when it is taken again. */
  idle: AbortController;
}

/**
 * Copies of warehouses for who looks at rows, one a pipeline: made anew when the warehouse has changed and no run is under
 * way, and gone when nobody has asked for them for a while. Disposing of it removes all.
 */
export class KeptCopies implements AsyncDisposable {
  readonly #context: CopyContext;
  readonly #kept = new Map<string, Kept>();
  readonly #making = new Map<string, Promise<Kept | undefined>>();
  readonly #over = new AbortController();
  readonly #removing = new Set<Promise<void>>();

  constructor(context: CopyContext) {
    this.#context = context;
  }

  /**
   * The pipeline's warehouse as it is between two runs; while one is under way the copy from before it, where there is one.
   * Undefined where the pipeline has no warehouse yet. Throws as `copyWarehouse` does.
   */
  async take(pipeline: string, options: TakeOptions, signal: AbortSignal): Promise<LentCopy | undefined> {
    signal.throwIfAborted();
    const known = this.#kept.get(pipeline);
    const state = await stateOf(warehousePath(this.#context.dataDir, pipeline));
    if (known !== undefined && !known.isOver && isSame(known.state, state)) return this.#lend(known);
    const making = this.#making.get(pipeline) ?? this.#make(
      pipeline,
      known === undefined ? options : {
        ...options,
        waitMs: 0,
      },
    );
    try {
      const made = await untilAborted(making, signal);
      return made === undefined ? undefined : this.#lend(made);
    } catch (error) {
      signal.throwIfAborted();
      const isBusy = error instanceof AppError && error.code === "unavailable";
      if (!isBusy || known === undefined || known.isOver) throw error;
      // One that is plain, of a warehouse that has been encrypted since, is not to be read any more.
      const state = await warehouseState(warehousePath(this.#context.dataDir, pipeline));
      if (state === "encrypted" && known.key === undefined) {
        this.forget(pipeline);
        throw error;
      }
      return this.#lend(known);
    }
  }

  /** Removes the copy of a pipeline once nobody reads it. */
  forget(pipeline: string): void {
    const kept = this.#kept.get(pipeline);
    this.#kept.delete(pipeline);
    if (kept !== undefined) this.#end(kept);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort(new AppError("cancelled", "The engine is closing"));
    await Promise.allSettled(this.#making.values());
    for (const kept of this.#kept.values()) this.#remove(kept);
    this.#kept.clear();
    await Promise.all(this.#removing);
  }

  #make(pipeline: string, options: TakeOptions): Promise<Kept | undefined> {
    const making = this.#copy(pipeline, options).finally(() => this.#making.delete(pipeline));
    making.catch(() => {});
    this.#making.set(pipeline, making);
    return making;
  }

  async #copy(pipeline: string, { purpose, waitMs }: TakeOptions): Promise<Kept | undefined> {
    const scratch = await openScratchFolder(this.#context.dataDir);
    try {
      const before = await stateOf(warehousePath(this.#context.dataDir, pipeline));
      const copy = await copyWarehouse(this.#context, {
        pipeline,
        folder: scratch.path,
        purpose,
        waitMs,
        onWait: () => {},
      }, this.#over.signal);
      if (copy === undefined) {
        await scratch[Symbol.asyncDispose]();
        return undefined;
      }
      const { path, key } = copy;
      const after = await stateOf(warehousePath(this.#context.dataDir, pipeline));
      // What has changed meanwhile is copied again when it is next asked for.
      const state = isSame(before, after) ? after : { ...before, bytes: "" };
      const kept: Kept = { scratch, path, key, state, users: 0, isOver: false, idle: new AbortController() };
      this.forget(pipeline);
      this.#kept.set(pipeline, kept);
      return kept;
    } catch (error) {
      await scratch[Symbol.asyncDispose]();
      throw error;
    }
  }

  #lend(kept: Kept): LentCopy {
    kept.users += 1;
    kept.idle.abort();
    let isBack = false;
    return {
      path: kept.path,
      key: kept.key,
      folder: kept.scratch.path,
      asOfMs: kept.state.changedMs,
      [Symbol.asyncDispose]: () => {
        if (!isBack) this.#giveBack(kept);
        isBack = true;
        return Promise.resolve();
      },
    };
  }

  #giveBack(kept: Kept): void {
    kept.users -= 1;
    if (kept.users > 0) return;
    if (kept.isOver) return this.#remove(kept);
    kept.idle = new AbortController();
    const { signal } = kept.idle;
    void this.#context.clock.sleep(IDLE_MS, AbortSignal.any([signal, this.#over.signal])).then(() => {
      if (signal.aborted) return;
      for (const [pipeline, one] of this.#kept) if (one === kept) this.forget(pipeline);
    });
  }

  #end(kept: Kept): void {
    kept.isOver = true;
    kept.idle.abort();
    if (kept.users === 0) this.#remove(kept);
  }

  #remove({ scratch, idle }: Kept): void {
    idle.abort();
    // One that cannot be removed is cleared away by the next process that makes copies.
    const removing = Promise.resolve(scratch[Symbol.asyncDispose]()).catch(() => {}).finally(() =>
      this.#removing.delete(removing)
    );
    this.#removing.add(removing);
  }
}

interface FileState {
  /** Of the file and its log. */
  readonly bytes: string;
  readonly changedMs: number;
}

async function stateOf(path: string): Promise<FileState> {
  const found = await Promise.all([path, `${path}.wal`].map(async (file) => {
    try {
      const { size, mtime, ino } = await Deno.stat(file);
      return { text: `${ino}:${size}:${mtime?.getTime()}`, changedMs: mtime?.getTime() ?? 0 };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { text: "none", changedMs: 0 };
      throw error;
    }
  }));
  return {
    bytes: found.map(({ text }) => text).join(" "),
    changedMs: Math.max(...found.map(({ changedMs }) => changedMs)),
  };
}

const isSame = (one: FileState, other: FileState): boolean => one.bytes === other.bytes;

/** The work goes on for others. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
