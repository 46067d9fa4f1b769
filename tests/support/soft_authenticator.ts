import type { PasskeyAssertion, PasskeyRegistration } from "../../contract/access/factors.ts";

/** What one use of it is to say other than an honest one would. */
export interface Oddities {
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  readonly counter?: number;
  readonly isUserVerified?: boolean;
  readonly userHandle?: string | null;
  readonly type?: string;
}

/** An authenticator in memory with one passkey of ES256, as https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data has it. */
export class SoftAuthenticator {
  readonly id = crypto.getRandomValues(new Uint8Array(16));
  readonly #keys: CryptoKeyPair;
  readonly #place: { readonly origin: string; readonly rpId: string };
  #counter = 0;
  #userHandle = "";

  private constructor(keys: CryptoKeyPair, place: { readonly origin: string; readonly rpId: string }) {
    this.#keys = keys;
    this.#place = place;
  }

  static async create(origin: string): Promise<SoftAuthenticator> {
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    return new SoftAuthenticator(keys, { origin, rpId: new URL(origin).hostname });
  }

  /** Answers options of a registration. */
  async register(options: unknown, odd: Oddities = {}): Promise<PasskeyRegistration> {
    const { challenge, user } = options as { challenge: string; user: { id: string } };
    this.#userHandle = user.id;
    const jwk = await crypto.subtle.exportKey("jwk", this.#keys.publicKey);
    const coordinate = (text = "") => Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const key = [
      ...[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01],
      ...[0x21, 0x58, 0x20, ...coordinate(jwk.x)],
      ...[0x22, 0x58, 0x20, ...coordinate(jwk.y)],
    ];
    const credential = [...new Uint8Array(16), 0, this.id.length, ...this.id, ...key];
    const authData = await this.#authData(0x41 | (odd.isUserVerified ?? true ? 0x04 : 0), credential, odd);
    const text = (value: string) => [0x60 + value.length, ...new TextEncoder().encode(value)];
    const attestation = new Uint8Array([
      ...[0xa3, ...text("fmt"), ...text("none"), ...text("attStmt"), 0xa0],
      ...[...text("authData"), 0x59, authData.length >> 8, authData.length & 0xff, ...authData],
    ]);
    return {
      id: base64url(this.id),
      rawId: base64url(this.id),
      type: "public-key",
      clientExtensionResults: {},
      response: {
        clientDataJSON: base64url(this.#clientData("webauthn.create", challenge, odd)),
        attestationObject: base64url(attestation),
        transports: ["internal"],
      },
    };
  }

  /** Answers options of a sign-in. */
  async sign(options: unknown, odd: Oddities = {}): Promise<PasskeyAssertion> {
    const { challenge } = options as { challenge: string };
    this.#counter += 1;
    const authData = await this.#authData(0x01 | (odd.isUserVerified ?? true ? 0x04 : 0), [], odd);
    const clientData = this.#clientData("webauthn.get", challenge, odd);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", clientData));
    const signed = new Uint8Array([...authData, ...hash]);
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    const raw = new Uint8Array(await crypto.subtle.sign(algorithm, this.#keys.privateKey, signed));
    const { userHandle = this.#userHandle } = odd;
    return {
      id: base64url(this.id),
      rawId: base64url(this.id),
      type: "public-key",
      clientExtensionResults: {},
      response: {
        clientDataJSON: base64url(clientData),
        authenticatorData: base64url(authData),
        signature: base64url(derOf(raw)),
        ...(userHandle === null ? {} : { userHandle }),
      },
    };
  }

  #clientData(type: string, challenge: string, odd: Oddities): Uint8Array<ArrayBuffer> {
    const said = { type, challenge, origin: this.#place.origin, crossOrigin: false, ...odd };
    const { type: as, challenge: to, origin, crossOrigin } = said;
    return new TextEncoder().encode(JSON.stringify({ type: as, challenge: to, origin, crossOrigin }));
  }

  async #authData(
    flags: number,
    credential: readonly number[],
    odd: Oddities,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const rpId = new TextEncoder().encode(odd.rpId ?? this.#place.rpId);
    const counter = odd.counter ?? this.#counter;
    return new Uint8Array([
      ...new Uint8Array(await crypto.subtle.digest("SHA-256", rpId)),
      ...[flags, counter >> 24, counter >> 16 & 0xff, counter >> 8 & 0xff, counter & 0xff],
      ...credential,
    ]);
  }
}

/** The two numbers of a signature as WebAuthn has them: ASN.1. */
function derOf(raw: Uint8Array): Uint8Array {
  const integer = (bytes: Uint8Array): number[] => {
    const start = bytes.findIndex((byte) => byte !== 0);
    const digits = [...bytes.slice(start)];
    const padded = (digits[0] ?? 0) > 127 ? [0, ...digits] : digits;
    return [0x02, padded.length, ...padded];
  };
  const both = [...integer(raw.slice(0, 32)), ...integer(raw.slice(32))];
  return new Uint8Array([0x30, both.length, ...both]);
}

const base64url = (bytes: Uint8Array): string => bytes.toBase64({ alphabet: "base64url", omitPadding: true });
