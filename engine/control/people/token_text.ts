/** `slc_` and 256 random bits in base64url. */
export function newTokenText(): string {
  return `slc_${randomText()}`;
}

/** 256 random bits in base64url. */
export function randomText(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
}

/**
 * Hex of SHA-256: all that is stored. A fast hash is right for a text of 256 random bits, and a
 * look-up by it gives nothing away by its time: who can choose the hash knows the text.
 */
export async function hashToken(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
