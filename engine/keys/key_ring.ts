import type { Clock } from "../../contract/clock.ts";
import type { DataKeyStore } from "../../contract/keys/data_keys.ts";
import type { Sealer } from "../../contract/keys/sealer.ts";
import { createDataKeys, type DataKeys } from "./data_keys.ts";
import { readKeyFile } from "./key_file.ts";
import { createDataFolderKey, type KeySourceOptions, keySources } from "./key_sources.ts";
import type { RootKey } from "./root_key.ts";
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
  /** A key that is to take the place of the present one. Throws as readKeyFile does. */
  readNewKey(path: string): Promise<RootKey>;
  /** Wraps from now on, until this process ends: the next one reads what names the key. */
  adopt(root: RootKey): void;
}

/** Reads no key before one is wanted. */
export function createKeyRing(options: KeyRingOptions): KeyRing {
  const { store, clock, dataDir, projectDir } = options;
  const sources = keySources(options);
  const roots = createRootKeys(sources);
  const createRoot = () => createDataFolderKey(dataDir);
  const dataKeys = createDataKeys({ store, roots, createRoot, clock });
  return {
    sealer: createSealer(dataKeys),
    store,
    dataKeys,
    roots,
    createRoot,
    readNewKey: (path) => readKeyFile(path, { source: "the new key", projectDir }),
    adopt: (root) => void sources.unshift({ name: root.source, read: () => Promise.resolve(root) }),
  };
}
