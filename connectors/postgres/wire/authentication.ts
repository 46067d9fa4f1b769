import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import { HandshakeError } from "./server_error.ts";

/** Beyond this a hostile server could keep this process busy for minutes. PostgreSQL's default is 4,096. */
const MAX_ITERATIONS = 1_000_000;

/**
 * The client's side of SCRAM-SHA-256 (RFC 5802 and 7677), without channel binding. The password
 * never leaves this object, and a server that does not know it is refused.
 */
export class ScramClient {
  readonly #password: string;
  readonly #nonce = randomBytes(18).toString("base64");
  #serverSignature: Uint8Array | undefined;

  constructor(password: string) {
    // SASLprep (RFC 4013) is NFKC for every password that is not pathological.
    this.#password = password.normalize("NFKC");
  }

  /** PostgreSQL takes the user's name from the startup message, so it is empty here. */
  first(): string {
    return `n,,${this.#firstBare()}`;
  }

  /** The proof, from the server's first message. */
  final(serverFirst: string): string {
    const { r: nonce = "", s: salt = "", i: iterations = "" } = attributes(serverFirst);
    const count = Number(iterations);
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce || salt === "") {
      throw new HandshakeError("authentication", "the server's SCRAM nonce or salt is not valid");
    }
    if (!Number.isInteger(count) || count < 1 || count > MAX_ITERATIONS) {
      throw new HandshakeError("authentication", "the server's SCRAM iteration count is not valid");
    }
    const salted = pbkdf2Sync(this.#password, Buffer.from(salt, "base64"), count, 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const withoutProof = `c=biws,r=${nonce}`;
    const transcript = `${this.#firstBare()},${serverFirst},${withoutProof}`;
    const storedKey = createHash("sha256").update(clientKey).digest();
    const signature = hmac(storedKey, transcript);
    const proof = clientKey.map((byte, i) => byte ^ (signature[i] ?? 0));
    this.#serverSignature = hmac(hmac(salted, "Server Key"), transcript);
    return `${withoutProof},p=${Buffer.from(proof).toString("base64")}`;
  }

  /** Throws where the server could not prove that it knows the password too. */
  verify(serverFinal: string): void {
    const given = Buffer.from(attributes(serverFinal).v ?? "", "base64");
    const expected = this.#serverSignature;
    if (expected === undefined || given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new HandshakeError("authentication", "the server could not prove that it knows the password");
    }
  }

  #firstBare(): string {
    return `n=,r=${this.#nonce}`;
  }
}

const hmac = (key: Uint8Array, text: string): Buffer => createHmac("sha256", key).update(text).digest();

function attributes(text: string): Record<string, string | undefined> {
  return Object.fromEntries(text.split(",").map((part) => [part.slice(0, 1), part.slice(2)]));
}

/** The answer to a server that still keeps MD5 hashes. */
export function md5Response(user: string, password: string, salt: Uint8Array): string {
  const inner = createHash("md5").update(password + user).digest("hex");
  return `md5${createHash("md5").update(inner).update(salt).digest("hex")}`;
}
