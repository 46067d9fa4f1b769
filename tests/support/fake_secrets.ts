import { systemClock } from "../../contract/clock.ts";
import { openSecrets } from "../../engine/control/secrets/open_secrets.ts";
import type { Secrets } from "../../engine/control/secrets/port.ts";
import type { Store } from "../../engine/store/store.ts";

const refuse = () => Promise.reject(new Error("There are no secrets"));

/** For a key ring that names none. */
export const noVault = () => Promise.reject(new Error("There is no Vault"));

/** A server that keeps none. */
export const NO_SECRETS: Secrets = {
  list: () => Promise.resolve([]),
  put: refuse,
  remove: refuse,
  keys: () => Promise.resolve({ key: null, data_keys: [], lies_with_data: false, problem: null }),
  rotate: refuse,
};

/** The store's, with a key in the folder. */
export function secretsIn(store: Store, folder: string): Secrets {
  const place = { dataDir: folder, projectDir: `${folder}/project`, env: () => undefined, transit: noVault };
  return openSecrets({ store, clock: systemClock, ...place }).secrets;
}
