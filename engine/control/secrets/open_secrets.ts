import type { Sealer } from "../../../contract/keys/sealer.ts";
import { beginAgain } from "../../keys/begin_again.ts";
import { createKeyRing } from "../../keys/key_ring.ts";
import type { RootKey } from "../../keys/root_key.ts";
import type { KeySourceOptions } from "../../keys/key_sources.ts";
import { createSecrets, type SecretsContext } from "./local_secrets.ts";
import type { Store } from "../../store/store.ts";
import type { Secrets } from "./port.ts";
import { storedSecrets } from "./stored_secrets.ts";

export interface OpenedSecrets {
  readonly sealer: Sealer;
  /** Their changes are in no audit log: see auditedSecrets. */
  readonly secrets: Secrets;
  /** See engine/keys/begin_again.ts. It is in no audit log either. */
  beginAgain(): Promise<RootKey | undefined>;
  /** Their values. */
  readonly stored: ReturnType<typeof storedSecrets>;
}

export interface OpenSecretsOptions extends Omit<SecretsContext, "keys" | "store">, KeySourceOptions {
  readonly store: Store;
}

/** The secrets of a store with the keys of this process. Reads no key before one is wanted. */
export function openSecrets({ store, clock, ...sources }: OpenSecretsOptions): OpenedSecrets {
  const keys = createKeyRing({ ...sources, store: store.dataKeys, clock });
  return {
    sealer: keys.sealer,
    secrets: createSecrets({ store, keys, clock }),
    beginAgain: () => beginAgain(keys, store.sealedPlaces),
    stored: storedSecrets(store.secrets, keys.sealer),
  };
}
