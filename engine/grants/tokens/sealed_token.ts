import { hkdfSync } from "node:crypto";
import type { TokenRequest } from "../../../contract/connector/tokens.ts";

const CIPHER = "AES-GCM";
const NONCE_BYTES = 12;

/**
 * What the successors of a configured refresh token go by. Their key is made of that token, which is kept elsewhere:
 * who has the data folder alone, as from a backup, has nothing. Another configured token has other successors.
 */
export class TokenSeal {
  /** 32 hexadecimal digits, which do not tell the token. */
  readonly id: string;
  readonly #key: Promise<CryptoKey>;

  constructor({ issuer, refreshToken }: Pick<TokenRequest, "issuer" | "refreshToken">) {
    const derive = (use: string, bytes: number) =>
      new Uint8Array(hkdfSync("sha256", refreshToken, issuer, `sluice refresh token: ${use}`, bytes));
    this.id = derive("id", 16).toHex();
    this.#key = crypto.subtle.importKey("raw", derive("key", 32), CIPHER, false, ["encrypt", "decrypt"]);
  }

  async seal(text: string): Promise<Uint8Array> {
    const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const plain = new TextEncoder().encode(text);
    const sealed = await crypto.subtle.encrypt({ name: CIPHER, iv }, await this.#key, plain);
    return new Uint8Array([...iv, ...new Uint8Array(sealed)]);
  }

  /** Undefined for what this seal has not made. */
  async open(sealed: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
    const iv = sealed.subarray(0, NONCE_BYTES);
    try {
      const rest = sealed.subarray(NONCE_BYTES);
      return new TextDecoder().decode(
        await crypto.subtle.decrypt({ name: CIPHER, iv }, await this.#key, rest),
      );
    } catch {
      return undefined;
    }
  }
}
