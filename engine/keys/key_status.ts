import { toAppError } from "../../contract/errors.ts";
import type { SealedPlaces } from "../../contract/keys/sealed_places.ts";
import type { KeyRing } from "./key_ring.ts";
import { type RootKey, rootKeyIdOf } from "./root_key.ts";
import { batchesOf } from "./rotate.ts";
import { dataKeyIdOf } from "./sealer.ts";

export interface KeyStatus {
  /** The root key that is here; null where none is, or it cannot be used. */
  readonly root: Pick<RootKey, "id" | "source" | "liesWithData"> | null;
  readonly dataKeys: readonly DataKeyStatus[];
  /** What is wrong, and what to do. */
  readonly problem: string | null;
}

export interface DataKeyStatus {
  readonly id: string;
  readonly isCurrent: boolean;
  /** The root key that wraps it. */
  readonly rootId: string;
  /** Whether that one is here. */
  readonly isReadable: boolean;
  readonly createdAtMs: number;
  readonly retiredAtMs: number | null;
  /** How many texts of each kind it seals. */
  readonly seals: Readonly<Record<string, number>>;
}

/** Ids, places and counts; nothing of a key. */
export async function readKeyStatus(ring: KeyRing, places: readonly SealedPlaces[]): Promise<KeyStatus> {
  const problems: string[] = [];
  const trying = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      const { message } = toAppError(error);
      if (!problems.includes(message)) problems.push(message);
      return undefined;
    }
  };
  const root = await trying(() => ring.roots.first());
  const records = await ring.store.list();
  const counts = await countSeals(places);
  const history = new Set(places.filter(({ isHistory }) => isHistory).map(({ kind }) => kind));
  const dataKeys: DataKeyStatus[] = [];
  for (const { id, wrapped, isCurrent, createdAtMs, retiredAtMs } of records) {
    const seals = counts.get(id) ?? {};
    counts.delete(id);
    const isWanted = isCurrent || Object.keys(seals).some((kind) => !history.has(kind));
    const record = { id, wrapped, isCurrent, createdAtMs, retiredAtMs };
    const unwrap = () => ring.dataKeys.unwrap(record);
    const bytes = isWanted ? await trying(unwrap) : await unwrap().catch(() => undefined);
    dataKeys.push({
      id,
      isCurrent,
      rootId: rootKeyIdOf(wrapped),
      isReadable: bytes !== undefined,
      createdAtMs,
      retiredAtMs,
      seals,
    });
  }
  for (const [id, seals] of counts) {
    const what = Object.entries(seals).map(([kind, count]) => `${kind}: ${count}`).join(", ");
    problems.push(
      `The data key ${id} is not in the control store, and seals something (${what}): set it again`,
    );
  }
  return {
    root: root ?? null,
    dataKeys,
    problem: problems.length === 0 ? null : problems.join("; "),
  };
}

/** By data key and kind. */
async function countSeals(places: readonly SealedPlaces[]): Promise<Map<string, Record<string, number>>> {
  const counts = new Map<string, Record<string, number>>();
  for (const place of places) {
    for await (const batch of batchesOf(place)) {
      for (const { sealed } of batch) {
        const id = dataKeyIdOf(sealed) ?? "?";
        const seals = counts.get(id) ?? {};
        seals[place.kind] = (seals[place.kind] ?? 0) + 1;
        counts.set(id, seals);
      }
    }
  }
  return counts;
}
