import { AppError } from "../../../contract/errors.ts";
import type { VaultClient } from "./client.ts";
import { errorOf, type VaultResponse } from "./http.ts";
import { encodePath } from "./mounts.ts";
import { dataOf } from "./sign_in.ts";

/** A key that never leaves Vault: it wraps other keys, and opens them again. */
export interface VaultTransit {
  /**
   * The key's bytes as a text of Vault's, `vault:v1:…`. `context` is bound to it: the same has to be given to unwrap. Throws
   * `unavailable` and `timeout` where Vault cannot be asked, `forbidden` where it does not let this server, `not_found` where
   * there is no such key.
   */
  wrap(bytes: Uint8Array, context?: string): Promise<string>;
  /** The bytes again. Throws likewise, and `invalid` for what this key has not wrapped, or with another context. */
  unwrap(wrapped: string, context?: string): Promise<Uint8Array>;
  /** The same bytes under the newest version of the key; without a context nobody but Vault sees them. Throws likewise. */
  rewrap(wrapped: string, context?: string): Promise<string>;
}

/** `path` is that of the key, as `transit/sluice`: the engine's, and the key's name. Throws `invalid` for another. */
export function createVaultTransit(client: Pick<VaultClient, "request">, path: string): VaultTransit {
  const at = path.lastIndexOf("/");
  const mount = path.slice(0, at);
  const key = path.slice(at + 1);
  if (at < 1 || key === "" || path.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw new AppError(
      "invalid",
      `"${path}" is no key of Vault's transit engine, expected one as transit/sluice`,
    );
  }
  const call = async (
    action: "encrypt" | "decrypt" | "rewrap",
    body: Readonly<Record<string, string>>,
    context: string | undefined,
  ): Promise<Record<string, unknown>> => {
    const response = await client.request({
      method: "POST",
      path: `${encodePath(mount)}/${action}/${encodeURIComponent(key)}`,
      body: context === undefined ? body : { ...body, associated_data: base64(context) },
    });
    if (isNoKey(response)) {
      throw new AppError(
        "not_found",
        `Vault has no key "${key}" at ${mount}: make it by vault write -f ${mount}/keys/${key}`,
      );
    }
    if (response.status >= 400) throw errorOf(response, `${action} by the key ${path}`);
    return dataOf(response, `${action} by the key ${path}`);
  };
  const textOf = (data: Record<string, unknown>, name: string): string => {
    const text = data[name];
    if (typeof text === "string" && text !== "") return text;
    throw new AppError("unavailable", `Vault's answer has no ${name} in it: is it a Vault?`);
  };
  const encrypt = async (plaintext: string, context: string | undefined) =>
    textOf(await call("encrypt", { plaintext }, context), "ciphertext");
  const decrypt = async (ciphertext: string, context: string | undefined) =>
    textOf(await call("decrypt", { ciphertext }, context), "plaintext");
  return {
    wrap: (bytes, context) => encrypt(bytes.toBase64(), context),
    unwrap: async (wrapped, context) => Uint8Array.fromBase64(await decrypt(wrapped, context)),
    async rewrap(wrapped, context) {
      if (context === undefined) {
        return textOf(await call("rewrap", { ciphertext: wrapped }, context), "ciphertext");
      }
      // Vault's rewrap takes no associated data.
      return await encrypt(await decrypt(wrapped, context), context);
    },
  };
}

const base64 = (text: string): string => new TextEncoder().encode(text).toBase64();

/** Who may not make keys is told of a missing one by 400, 403 or 404, by version and policy. */
const isNoKey = ({ status, body }: VaultResponse): boolean =>
  status === 404 || (status === 400 && /key not found/i.test(JSON.stringify(body ?? "")));
