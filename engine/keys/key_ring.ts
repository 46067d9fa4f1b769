import type { Clock } from "../../contract/clock.ts";
import type { DataKeyStore } from "../../contract/keys/data_keys.ts";
import type { Sealer } from "../../contract/keys/sealer.ts";
import { createDataKeys, type DataKeys } from "./data_keys.ts";
import { createDataFolderKey, type KeySourceOptions, keySources } from "./key_sources.ts";
import { createRootKeys, type RootKeys } from "./root_keys.ts";
import { createSealer } from "./sealer.ts";

export interface KeyRingOptions extends KeySourceOptions {
  readonly store: DataKeyStore;
  readonly clock: Pick<Clock, "now">;
}

/** The keys of one store as one process has them. */
export interface KeyRing {
  readonly sealer: Sealer;
  readonly store: DataKeyStore;
  readonly dataKeys: DataKeys;
  readonly roots: RootKeys;
  readonly createRoot: () => Promise<void>;
}

/** Reads no key before one is wanted. */
export function createKeyRing(options: KeyRingOptions): KeyRing {
  const { store, clock, dataDir } = options;
  const roots = createRootKeys(keySources(options));
  const createRoot = () => createDataFolderKey(dataDir);
  const dataKeys = createDataKeys({ store, roots, createRoot, clock });
  return { sealer: createSealer(dataKeys), store, dataKeys, roots, createRoot };
}
