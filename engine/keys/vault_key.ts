import { toAppError } from "../../contract/errors.ts";
import type { RootKey } from "./root_key.ts";

/** A key of Vault's transit engine, which never leaves it. Throws `unavailable`, and `invalid` for what it has not wrapped. */
export interface TransitKey {
  wrap(bytes: Uint8Array, context?: string): Promise<string>;
  unwrap(wrapped: string, context?: string): Promise<Uint8Array>;
}

const FORMAT = "wv1";

/** The mount and the name of a key that is named as Vault's own paths are, `transit/keys/sluice`. */
export const transitPath = (path: string): string => path.replace(/\/keys\/([^/]+)$/, "/$1");

/** A root key by its path, the same wherever Vault is reached. */
export async function vaultRootKey(
  path: string,
  source: string,
  open: (path: string) => Promise<TransitKey>,
): Promise<RootKey> {
  const key = transitPath(path);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`vault transit ${key}`));
  const id = new Uint8Array(digest, 0, 8).toHex();
  const placeOf = (dataKeyId: string) => `${FORMAT}/${dataKeyId}`;
  return {
    id,
    source: `${source} (${path})`,
    wrap: async (dataKey, dataKeyId) =>
      `${FORMAT}.${id}.${await (await open(key)).wrap(dataKey, placeOf(dataKeyId))}`,
    async unwrap(wrapped, dataKeyId) {
      const [format, by, ...text] = wrapped.split(".");
      if (format !== FORMAT || by !== id) return undefined;
      const transit = await open(key);
      try {
        return new Uint8Array(await transit.unwrap(text.join("."), placeOf(dataKeyId)));
      } catch (error) {
        if (toAppError(error).code === "invalid") return undefined;
        throw error;
      }
    },
  };
}
