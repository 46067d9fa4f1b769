import type { Clock } from "../../contract/clock.ts";
import { AppError } from "../../contract/errors.ts";
import type { DataKeyRecord, DataKeyStore } from "../../contract/keys/data_keys.ts";
import { WRONG_KEY } from "../../contract/keys/sealer.ts";
import { KEY_BYTES, type RootKey, rootKeyIdOf } from "./root_key.ts";
import type { RootKeys } from "./root_keys.ts";

export interface DataKey {
  readonly id: string;
  readonly key: CryptoKey;
}

/** The store's data keys, unwrapped. */
export interface DataKeys {
  /** The one that seals; the first one of a store is made here. Throws as RootKeys does, and `unavailable`. */
  current(): Promise<DataKey>;
  /** Throws `invalid` (reason wrong_key) where the store has none of that id, or its root key is not here. */
  withId(id: string): Promise<DataKey>;
  /** A new one becomes current in the place of `before`; false where another is by now. */
  begin(before: string | null, root: RootKey): Promise<boolean>;
  /** The bytes of one, to wrap it in another way. */
  unwrap(record: DataKeyRecord): Promise<Uint8Array<ArrayBuffer>>;
}

export interface DataKeysContext {
  readonly store: DataKeyStore;
  readonly roots: RootKeys;
  /** Makes a root key where none is named. It is only called while nothing is sealed yet. */
  readonly createRoot: () => Promise<void>;
  readonly clock: Pick<Clock, "now">;
}

export function createDataKeys({ store, roots, createRoot, clock }: DataKeysContext): DataKeys {
  /** By id: a data key never changes. */
  const known = new Map<string, DataKey>();

  async function unwrap({ id, wrapped }: DataKeyRecord): Promise<Uint8Array<ArrayBuffer>> {
    const root = await roots.withId(rootKeyIdOf(wrapped));
    const bytes = await root.unwrap(wrapped, id);
    if (bytes !== undefined) return bytes;
    throw new AppError(
      "invalid",
      `The data key ${id} of the control store is damaged: ${root.source} does not open it. Restore the store from a backup`,
      { reason: WRONG_KEY },
    );
  }

  async function open(record: DataKeyRecord): Promise<DataKey> {
    const before = known.get(record.id);
    if (before !== undefined) return before;
    const bytes = await unwrap(record);
    const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
    const found = { id: record.id, key };
    known.set(record.id, found);
    return found;
  }

  async function begin(before: string | null, root: RootKey): Promise<boolean> {
    const id = crypto.getRandomValues(new Uint8Array(4)).toHex();
    const wrapped = await root.wrap(crypto.getRandomValues(new Uint8Array(KEY_BYTES)), id);
    return await store.begin({ id, wrapped }, before, clock.now());
  }

  async function currentRecord(): Promise<DataKeyRecord | undefined> {
    return (await store.list()).find(({ isCurrent }) => isCurrent);
  }

  return {
    async current() {
      let record = await currentRecord();
      if (record === undefined) {
        await begin(null, await firstRoot({ roots, createRoot }));
        // Another server's may have come first.
        record = await currentRecord();
      }
      if (record === undefined) throw new AppError("internal", "The control store has kept no data key");
      return await open(record);
    },

    async withId(id) {
      const before = known.get(id);
      if (before !== undefined) return before;
      const record = (await store.list()).find((key) => key.id === id);
      if (record !== undefined) return await open(record);
      throw new AppError(
        "invalid",
        `The data key ${id} is wanted, and the control store does not have it: it was sealed for another store. ` +
          "Restore a backup that has both, or set it again",
        { reason: WRONG_KEY },
      );
    },

    begin,
    unwrap,
  };
}

/** The root key that is named, or the data folder's own, which is made. */
export async function firstRoot(
  { roots, createRoot }: Pick<DataKeysContext, "roots" | "createRoot">,
): Promise<RootKey> {
  const named = await roots.first();
  if (named !== undefined) return named;
  await createRoot();
  const made = await roots.first();
  if (made === undefined) throw new AppError("unavailable", "The key that was made is not there any more");
  return made;
}
