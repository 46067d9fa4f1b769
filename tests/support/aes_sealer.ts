import { AppError } from "../../contract/errors.ts";
import { type Sealer, WRONG_KEY } from "../../contract/keys/sealer.ts";

/** Seals under a key that is given or made, in memory. */
export function aesSealer(key: Uint8Array<ArrayBuffer> = crypto.getRandomValues(new Uint8Array(32))): Sealer {
  const imported = crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
  const bound = (place: string) => new TextEncoder().encode(place);
  return {
    async seal(text, place) {
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const algorithm = { name: "AES-GCM", iv, additionalData: bound(place) };
      const sealed = await crypto.subtle.encrypt(algorithm, await imported, new TextEncoder().encode(text));
      return new Uint8Array([...iv, ...new Uint8Array(sealed)]).toBase64();
    },
    async open(sealed, place) {
      const bytes = Uint8Array.fromBase64(sealed);
      const algorithm = { name: "AES-GCM", iv: bytes.slice(0, 12), additionalData: bound(place) };
      try {
        const text = await crypto.subtle.decrypt(algorithm, await imported, bytes.slice(12));
        return new TextDecoder().decode(text);
      } catch (cause) {
        throw new AppError("invalid", "It was sealed by another key: start with the key of before", {
          reason: WRONG_KEY,
          cause,
        });
      }
    },
  };
}
