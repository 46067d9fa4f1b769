import { AppError } from "../../../contract/errors.ts";
import { openBytes, sealBytes } from "../../keys/cipher.ts";
import type { WarehouseKeys } from "../warehouses/warehouse_keys.ts";

/**
 * Hides what is written of a pipeline's rows beside its warehouse, where that is encrypted. A text is bound to its
 * place: one that is put in another's does not open.
 */
export interface RowCover {
  /** What to store: the text itself where the warehouse is plain. */
  cover(pipeline: string, place: string, text: string): Promise<string>;
  /** The text again, whichever way it was stored. Throws `invalid` for what was changed or has lost its key. */
  uncover(pipeline: string, place: string, stored: string): Promise<string>;
  /** The same for texts of one pipeline that are stored together: its warehouse is looked at once. */
  hold(pipeline: string): Promise<RowCover>;
}

/** The place of a file with what is known of a table or a stream. */
export const placeOf = (folder: string, pipeline: string, name: string): string =>
  `${folder}/${pipeline}/${name}`;

/** Everything is plain. */
export const NO_COVER: RowCover = {
  cover: (_pipeline, _place, text) => Promise.resolve(text),
  uncover: (_pipeline, _place, stored) => Promise.resolve(stored),
  hold: () => Promise.resolve(NO_COVER),
};

/** What covers a text; JSON cannot begin like that. */
const MARK = "sluice-rows-1 ";
/** The key of the warehouse is for DuckDB; what this seals has one of its own, which follows from it. */
const PURPOSE = new TextEncoder().encode("sluice rows beside a warehouse");

export function createRowCover(
  keys: WarehouseKeys,
  isEncrypted: (pipeline: string) => Promise<boolean>,
): RowCover {
  return {
    async cover(pipeline, place, text) {
      if (!await isEncrypted(pipeline)) return text;
      const key = await keyOf(keys, pipeline);
      if (key === undefined) throw keyGone(place);
      return MARK + await sealBytes(key, new TextEncoder().encode(text), place);
    },

    async uncover(pipeline, place, stored) {
      if (!stored.startsWith(MARK)) return stored;
      const key = await keyOf(keys, pipeline);
      if (key === undefined) throw keyGone(place);
      const text = await openBytes(key, stored.slice(MARK.length), place);
      if (text !== undefined) return new TextDecoder().decode(text);
      throw new AppError(
        "invalid",
        `What is kept of ${place} does not open: it was changed, or belongs to another place. ` +
          "The next run of the pipeline writes it anew",
      );
    },

    async hold(pipeline) {
      const held = await isEncrypted(pipeline);
      return createRowCover(keys, () => Promise.resolve(held));
    },
  };
}

async function keyOf(keys: WarehouseKeys, pipeline: string): Promise<CryptoKey | undefined> {
  const secret = await keys.secret(pipeline);
  if (secret === undefined) return undefined;
  const base = await crypto.subtle.importKey("raw", Uint8Array.fromBase64(secret), "HKDF", false, [
    "deriveKey",
  ]);
  return await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: PURPOSE },
    base,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}

function keyGone(place: string): AppError {
  return new AppError(
    "invalid",
    `What is kept of ${place} is encrypted, and the control store does not have the key of its warehouse`,
  );
}
