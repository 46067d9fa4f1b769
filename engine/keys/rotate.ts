import { AppError, toAppError } from "../../contract/errors.ts";
import type { DataKeyRecord } from "../../contract/keys/data_keys.ts";
import type { Resealed, SealedPlaces, SealedText } from "../../contract/keys/sealed_places.ts";
import { firstRoot } from "./data_keys.ts";
import type { KeyRing } from "./key_ring.ts";
import { type RootKey, rootKeyIdOf } from "./root_key.ts";
import { dataKeyIdOf } from "./sealer.ts";

export interface RotateOptions {
  /** Only wraps the data keys by it; what they seal stays as it is. */
  readonly newRoot?: RootKey | undefined;
  /** The root key is lost: begins with the one that is here, or a new one, and leaves what cannot be opened. */
  readonly isLost?: boolean | undefined;
}

export interface Rotation {
  /** What seals from now on; null where nothing was sealed yet. */
  readonly dataKeyId: string | null;
  readonly root: RootKey;
  /** Data keys that were wrapped anew. */
  readonly rewrapped: number;
  /** Texts that were sealed anew. */
  readonly resealed: number;
  /** What could not be opened and is as it was, as `secrets SHOP_PASSWORD`: it has to be set again. */
  readonly unreadable: readonly string[];
  /** What could not be opened either, and is written again when the project's files are applied. */
  readonly toApply: number;
}

const BATCH = 100;
/** Others may seal by the key before while it is being replaced: a later pass finds that. */
const PASSES = 3;

/**
 * Begins a new data key and seals everything by it, batch by batch; or wraps the data keys by another root key, in one
 * step. Whoever dies in between has lost nothing: each text is sealed by a key that the store has, and another
 * rotation does what is left. Throws `invalid` (reason wrong_key) where a key is lost, `conflict` where it is not, or
 * another rotation is under way.
 */
export async function rotateKeys(
  ring: KeyRing,
  places: readonly SealedPlaces[],
  { newRoot, isLost = false }: RotateOptions,
): Promise<Rotation> {
  const current = (await ring.store.list()).find(({ isCurrent }) => isCurrent);
  if (isLost) await requireLost(ring, current);
  const root = newRoot ?? await firstRoot(ring);
  const rewrapped = await rewrapAll(ring, root, isLost);
  if (newRoot !== undefined) {
    return { dataKeyId: current?.id ?? null, root, rewrapped, resealed: 0, unreadable: [], toApply: 0 };
  }
  if (!await ring.dataKeys.begin(current?.id ?? null, root)) throw underWay();
  const { id } = await ring.dataKeys.current();
  return { dataKeyId: id, root, rewrapped, ...await resealAll(ring, places, id) };
}

async function requireLost({ dataKeys }: KeyRing, current: DataKeyRecord | undefined): Promise<void> {
  if (current !== undefined && !await isReadable(() => dataKeys.unwrap(current))) return;
  throw new AppError(
    "conflict",
    "The key is here, and opens what is sealed: rotate it without --lost, which would gain nothing",
  );
}

/** How many; keys that cannot be unwrapped stay as they are where those are given up. */
async function rewrapAll({ store, dataKeys }: KeyRing, root: RootKey, isLost: boolean): Promise<number> {
  const known = await store.list();
  const changes: Pick<DataKeyRecord, "id" | "wrapped">[] = [];
  for (const record of known) {
    if (rootKeyIdOf(record.wrapped) === root.id) continue;
    if (isLost && !await isReadable(() => dataKeys.unwrap(record))) continue;
    const bytes = await dataKeys.unwrap(record);
    const wrapped = await root.wrap(bytes, record.id);
    const again = await root.unwrap(wrapped, record.id);
    if (again?.toHex() !== bytes.toHex()) {
      throw new AppError("unavailable", `${root.source} does not give back what it has wrapped`);
    }
    changes.push({ id: record.id, wrapped });
  }
  if (changes.length > 0 && !await store.rewrap(known, changes)) throw underWay();
  return changes.length;
}

async function resealAll(
  ring: KeyRing,
  places: readonly SealedPlaces[],
  keyId: string,
): Promise<Pick<Rotation, "resealed" | "unreadable" | "toApply">> {
  const unreadable = new Set<string>();
  const toApply = new Set<string>();
  let resealed = 0;
  for (let pass = 0; pass < PASSES; pass++) {
    let found = 0;
    for (const place of places) {
      for await (const batch of batchesOf(place)) {
        const others = batch.filter(({ sealed }) => dataKeyIdOf(sealed) !== keyId);
        const anew = await Promise.all(others.map((text) => sealAnew(ring, text)));
        for (const { id } of others.filter((_, index) => anew[index] === undefined)) {
          (place.isApplied === true ? toApply : unreadable).add(`${place.kind} ${id}`);
        }
        const changes = anew.filter((change) => change !== undefined);
        found += changes.length;
        if (changes.length > 0) resealed += await place.replace(changes);
      }
    }
    if (found === 0) break;
  }
  return { resealed, unreadable: [...unreadable], toApply: toApply.size };
}

/** Undefined for what does not open. Throws what may go well another time. */
async function sealAnew(
  { sealer }: KeyRing,
  { id, sealed, place }: SealedText,
): Promise<Resealed | undefined> {
  let text: string;
  try {
    text = await sealer.open(sealed, place);
  } catch (error) {
    if (toAppError(error).code === "invalid") return undefined;
    throw error;
  }
  return { id, before: sealed, after: await sealer.seal(text, place) };
}

/** All of a kind. */
export async function* batchesOf(places: SealedPlaces): AsyncGenerator<readonly SealedText[]> {
  let after: string | undefined;
  for (;;) {
    const batch = await places.list({ after, limit: BATCH });
    yield batch;
    after = batch.at(-1)?.id;
    if (batch.length < BATCH) return;
  }
}

/** Throws what may go well another time. */
export async function isReadable(read: () => Promise<unknown>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    const { code } = toAppError(error);
    if (code === "unavailable" || code === "timeout") throw error;
    return false;
  }
}

const underWay = (): AppError =>
  new AppError(
    "conflict",
    "Another rotation has changed the keys meanwhile: look at `sluice keys show`, and try again",
  );
