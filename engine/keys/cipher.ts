const CIPHER = "AES-GCM";
const NONCE_BYTES = 12;

/** Base64url of a random nonce and the sealed bytes with their tag; `place` is bound to them. */
export async function sealBytes(
  key: CryptoKey,
  bytes: Uint8Array<ArrayBuffer>,
  place: string,
): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt(algorithm(iv, place), key, bytes);
  const all = new Uint8Array(NONCE_BYTES + sealed.byteLength);
  all.set(iv);
  all.set(new Uint8Array(sealed), NONCE_BYTES);
  return all.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Undefined for what this key has not sealed for this place. */
export async function openBytes(
  key: CryptoKey,
  text: string,
  place: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const all = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const iv = all.subarray(0, NONCE_BYTES);
    return new Uint8Array(
      await crypto.subtle.decrypt(algorithm(iv, place), key, all.subarray(NONCE_BYTES)),
    );
  } catch {
    return undefined;
  }
}

function algorithm(iv: Uint8Array<ArrayBuffer>, place: string): AesGcmParams {
  return { name: CIPHER, iv, additionalData: new TextEncoder().encode(place) };
}
