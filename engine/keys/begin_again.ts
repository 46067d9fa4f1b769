import type { SealedPlaces } from "../../contract/keys/sealed_places.ts";
import { firstRoot } from "./data_keys.ts";
import type { KeyRing } from "./key_ring.ts";
import { type RootKey, rootKeyIdOf } from "./root_key.ts";

/**
 * Begins with the data folder's own root key, which is made where it is not there, when the one that is wanted is not
 * here and no other is named, as after a restore, and the project's files bring back all that the missing one sealed:
 * nothing has to be set again for it. What that one sealed stays as it is, and opens once it is back. Undefined where
 * the key is here, nothing is sealed, or something else is: then somebody has to say that it is lost. Only for a store
 * of one server: another one may have the key. Throws as RootKeys does.
 */
export async function beginAgain(
  ring: KeyRing,
  places: readonly SealedPlaces[],
): Promise<RootKey | undefined> {
  const records = await ring.store.list();
  const current = records.find(({ isCurrent }) => isCurrent);
  if (current === undefined) return undefined;
  const here = await ring.roots.first();
  // One that wraps none is a wrong one, or one of a start that came no further.
  const isFresh = here?.liesWithData === true &&
    records.every(({ wrapped }) => rootKeyIdOf(wrapped) !== here.id);
  if (here !== undefined && !isFresh) return undefined;
  for (const { isApplied, list } of places) {
    if (isApplied !== true && (await list({ limit: 1 })).length > 0) return undefined;
  }
  const root = await firstRoot(ring);
  return await ring.dataKeys.begin(current.id, root) ? root : undefined;
}
