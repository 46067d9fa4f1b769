import { AppError, toAppError } from "../../contract/errors.ts";
import { DAMAGED_SEAL, type Sealer } from "../../contract/keys/sealer.ts";
import { openBytes, sealBytes } from "./cipher.ts";
import type { DataKeys } from "./data_keys.ts";

const FORMAT = "sk1";
const SEALED = /^sk1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)$/;

/** What is known of a sealed text without its key. */
export function dataKeyIdOf(sealed: string): string | undefined {
  return SEALED.exec(sealed)?.[1];
}

/** Texts are sealed by AES-256-GCM as `sk1.<data key>.<text>`, with their place and the data key's id bound to them. */
export function createSealer(keys: DataKeys): Sealer {
  return {
    async seal(text, place) {
      if (!text.isWellFormed()) {
        throw new AppError("invalid", `Cannot seal ${place}: it holds half a character (a lone surrogate)`);
      }
      const { id, key } = await explaining("seal", place, () => keys.current());
      return `${FORMAT}.${id}.${await sealBytes(key, new TextEncoder().encode(text), boundTo(id, place))}`;
    },

    async open(sealed, place) {
      const [, id, text] = SEALED.exec(sealed) ?? [];
      if (id === undefined || text === undefined) throw damaged(place);
      const { key } = await explaining("open", place, () => keys.withId(id));
      const bytes = await openBytes(key, text, boundTo(id, place));
      if (bytes === undefined) throw damaged(place);
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    },
  };
}

const boundTo = (keyId: string, place: string): string => `${FORMAT}/${keyId}/${place}`;

function damaged(place: string): AppError {
  return new AppError(
    "invalid",
    `Cannot open ${place}: what is stored was changed, or was sealed for another place. Set it again, or restore a backup`,
    { reason: DAMAGED_SEAL },
  );
}

/** Says of what is wrong with a key what it was wanted for. A key that cannot be used for sealing is `unavailable`. */
async function explaining<T>(action: "seal" | "open", place: string, find: () => Promise<T>): Promise<T> {
  try {
    return await find();
  } catch (error) {
    const { code, reason, message, detail } = toAppError(error);
    throw new AppError(action === "seal" ? "unavailable" : code, `Cannot ${action} ${place}: ${message}`, {
      cause: error,
      ...(reason === undefined ? {} : { reason }),
      ...(detail === undefined ? {} : { detail }),
    });
  }
}
