import { AppError } from "../../contract/errors.ts";
import { openBytes, sealBytes } from "./cipher.ts";

/** Wraps data keys. It is never in the store with them. */
export interface RootKey {
  /** 16 hexadecimal digits, which do not tell the key. */
  readonly id: string;
  /** Where it comes from, for people: `SLUICE_KEY_FILE (/etc/sluice/key)`. */
  readonly source: string;
  /** Whether it lies in the data folder. */
  readonly liesWithData?: boolean;
  /** The text to store, with this key's id as its second part. Throws `unavailable`. */
  wrap(dataKey: Uint8Array<ArrayBuffer>, dataKeyId: string): Promise<string>;
  /** Undefined for what it has not wrapped, or for another data key. Throws `unavailable`. */
  unwrap(wrapped: string, dataKeyId: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

export const KEY_BYTES = 32;
const FORMAT = "wk1";

/** A new one, as files and variables hold it. */
export function generateKeyText(): string {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64();
}

/** Throws `invalid`, naming `source` and nothing of the text. */
export async function parseRootKey(text: string, source: string): Promise<RootKey> {
  const bytes = keyBytes(text.trim());
  if (bytes?.length !== KEY_BYTES) {
    throw new AppError(
      "invalid",
      `${source} holds no key: expected ${KEY_BYTES} random bytes in Base64, as \`sluice keys generate\` prints them`,
    );
  }
  return await localRootKey(bytes, source);
}

/** Base64 in either alphabet, or hexadecimal, whose 64 digits would be 48 bytes of Base64. */
function keyBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    if (/^[0-9a-f]{64}$/i.test(text)) return Uint8Array.fromHex(text);
    return Uint8Array.fromBase64(text, { alphabet: /[-_]/.test(text) ? "base64url" : "base64" });
  } catch {
    return undefined;
  }
}

async function localRootKey(bytes: Uint8Array<ArrayBuffer>, source: string): Promise<RootKey> {
  const hmac = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  const tag = await crypto.subtle.sign("HMAC", hmac, new TextEncoder().encode("sluice key id"));
  const id = new Uint8Array(tag, 0, 8).toHex();
  const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
  const placeOf = (dataKeyId: string) => `${FORMAT}/${dataKeyId}`;
  return {
    id,
    source,
    wrap: async (dataKey, dataKeyId) =>
      `${FORMAT}.${id}.${await sealBytes(key, dataKey, placeOf(dataKeyId))}`,
    async unwrap(wrapped, dataKeyId) {
      const [format, by, text = ""] = wrapped.split(".");
      if (format !== FORMAT || by !== id) return undefined;
      return await openBytes(key, text, placeOf(dataKeyId));
    },
  };
}

/** Which root key has wrapped it. */
export const rootKeyIdOf = (wrapped: string): string => wrapped.split(".")[1] ?? "";
