import { AppError } from "../../contract/errors.ts";
import { type Sealer, WRONG_KEY } from "../../contract/keys/sealer.ts";
import { openBytes, sealBytes } from "../../engine/keys/cipher.ts";

/** Seals under a key that is given or made, in memory. */
export function aesSealer(key: Uint8Array<ArrayBuffer> = crypto.getRandomValues(new Uint8Array(32))): Sealer {
  const imported = crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
  return {
    seal: async (text, place) => await sealBytes(await imported, new TextEncoder().encode(text), place),
    async open(sealed, place) {
      const bytes = await openBytes(await imported, sealed, place);
      if (bytes !== undefined) return new TextDecoder().decode(bytes);
      throw new AppError("invalid", "It was sealed by another key: start with the key of before", {
        reason: WRONG_KEY,
      });
    },
  };
}
