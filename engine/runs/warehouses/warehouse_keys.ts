import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Sealer } from "../../../contract/keys/sealer.ts";
import {
  type WarehouseKey,
  warehouseKeyPlace,
  type WarehouseKeyStore,
} from "../../../contract/keys/warehouse_key.ts";
import { warehousePath, warehouseState } from "./warehouse_file.ts";

const KEY_BYTES = 32;

/** What opens the warehouses of a data folder. */
export interface WarehouseKeys {
  /**
   * What the pipeline's warehouse is opened with; undefined for a plain one. One that is not there yet gets a key where
   * new ones are to be encrypted, or where it had one before. Throws `invalid` where the key is not here, `unavailable`
   * where DuckDB's module for it is not.
   */
  open(pipeline: string): Promise<WarehouseKey | undefined>;
  /** The key alone, of a warehouse that has one, whatever its file is now: for what else is written of its rows. */
  secret(pipeline: string): Promise<string | undefined>;
  /** One to encrypt with; it is made where there is none. */
  create(pipeline: string): Promise<WarehouseKey>;
  /** Gives another pipeline, whose warehouse is a copy, the same key. Throws `invalid` where there is none. */
  share(from: string, to: string): Promise<void>;
}

export interface WarehouseKeysContext {
  readonly store: WarehouseKeyStore;
  readonly sealer: Sealer;
  readonly dataDir: string;
  readonly clock: Pick<Clock, "now">;
  /** Whether new warehouses are encrypted. */
  readonly isWanted: boolean;
  readonly findModule: () => Promise<string>;
}

/** For tests, and for what has no encrypted warehouse. */
export const NO_WAREHOUSE_KEYS: WarehouseKeys = {
  open: () => Promise.resolve(undefined),
  secret: () => Promise.resolve(undefined),
  create: () => Promise.reject(new AppError("internal", "There is nothing here that seals keys")),
  share: () => Promise.reject(new AppError("internal", "There is nothing here that seals keys")),
};

export function createWarehouseKeys(context: WarehouseKeysContext): WarehouseKeys {
  const { store, sealer, dataDir, clock, isWanted, findModule } = context;

  async function create(pipeline: string): Promise<WarehouseKey> {
    const module = await findModule();
    const place = warehouseKeyPlace(pipeline);
    const before = await store.get(pipeline);
    if (before !== undefined) return { key: await sealer.open(before, place), module };
    const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    const kept = await store.put(pipeline, await sealer.seal(bytes.toBase64(), place), clock.now());
    return { key: await sealer.open(kept, place), module };
  }

  async function secret(pipeline: string): Promise<string | undefined> {
    const sealed = await store.get(pipeline);
    return sealed === undefined ? undefined : await sealer.open(sealed, warehouseKeyPlace(pipeline));
  }

  return {
    async open(pipeline) {
      const path = warehousePath(dataDir, pipeline);
      const state = await warehouseState(path);
      if (state === "plain") return undefined;
      // One that is begun anew is as it was: nobody has asked for a plain one.
      if (state === "none") {
        const isEncrypted = isWanted || await store.get(pipeline) !== undefined;
        return isEncrypted ? await create(pipeline) : undefined;
      }
      const key = await secret(pipeline);
      if (key !== undefined) return { key, module: await findModule() };
      throw new AppError(
        "invalid",
        `Cannot open the warehouse of "${pipeline}": it is encrypted, and the control store does not have its key. ` +
          "It was left as it is: restore a backup that has both",
      );
    },
    secret,
    create,
    async share(from, to) {
      const key = await secret(from);
      if (key === undefined) {
        throw new AppError(
          "invalid",
          `The control store does not have the key of the warehouse of "${from}"`,
        );
      }
      // One of an earlier copy opens nothing any more.
      await store.remove(to);
      await store.put(to, await sealer.seal(key, warehouseKeyPlace(to)), clock.now());
    },
  };
}
