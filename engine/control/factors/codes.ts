import { hashToken } from "../people/token_text.ts";

/** Codes of authenticator apps (RFC 6238) and recovery codes. */

const STEP_MS = 30_000;
const DIGITS = 6;
/** What RFC 4226 recommends: as long as SHA-1's output. */
const SECRET_BYTES = 20;
/** Clocks may differ by that many steps either way. */
const WINDOW = 1;

const library = () => import("otpauth");

/** 160 random bits in base32, as apps take them. */
export async function newTotpSecret(): Promise<string> {
  const { Secret } = await library();
  return new Secret({ size: SECRET_BYTES }).base32;
}

/** What the QR code says: https://github.com/google/google-authenticator/wiki/Key-Uri-Format */
export async function totpUri(secret: string, issuer: string, account: string): Promise<string> {
  const { Secret, TOTP } = await library();
  // A colon stands between the two.
  const [label, issuedBy] = [account, issuer].map((text) => text.replaceAll(":", " "));
  return new TOTP({
    secret: Secret.fromBase32(secret),
    label: label ?? "",
    issuer: issuedBy ?? "",
    digits: DIGITS,
    period: STEP_MS / 1_000,
  }).toString();
}

/** The code that an app shows. */
export async function totpCode(secret: string, atMs: number): Promise<string> {
  const { Secret, TOTP } = await library();
  return TOTP.generate({
    secret: Secret.fromBase32(secret),
    digits: DIGITS,
    period: STEP_MS / 1_000,
    timestamp: atMs,
  });
}

/** The step that a code is of, one before or after now's at most; undefined for any other. */
export async function matchTotp(secret: string, code: string, nowMs: number): Promise<number | undefined> {
  const { Secret, TOTP } = await library();
  const delta = TOTP.validate({
    token: code,
    secret: Secret.fromBase32(secret),
    digits: DIGITS,
    period: STEP_MS / 1_000,
    timestamp: nowMs,
    window: WINDOW,
  });
  return delta === null ? undefined : Math.floor(nowMs / STEP_MS) + delta;
}

/** Crockford's: none of its letters looks like a digit or like another. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const RECOVERY_CODES = 10;
const RECOVERY_LENGTH = 16;

/** Ten, each of 80 random bits in groups of four. */
export function newRecoveryCodes(): string[] {
  return Array.from({ length: RECOVERY_CODES }, () => {
    const bytes = crypto.getRandomValues(new Uint8Array(RECOVERY_LENGTH));
    // 256 is a multiple of 32: no letter comes more often.
    const letters = Array.from(bytes, (byte) => ALPHABET.charAt(byte % ALPHABET.length));
    return letters.join("").replaceAll(/(.{4})(?=.)/g, "$1-");
  });
}

/** What is stored of one; a fast hash is right for 80 random bits, and bound to the user no two are compared. */
export function hashRecoveryCode(user: string, code: string): Promise<string> {
  return hashToken(`${user} ${code.replaceAll("-", "")}`);
}

/** What somebody typed: a code of an app, a recovery code as it is hashed, or neither. */
export type TypedCode =
  | { readonly kind: "totp"; readonly code: string }
  | { readonly kind: "recovery_code"; readonly code: string }
  | undefined;

/** Blanks, dashes and case do not count, and O is 0, I and L are 1. */
export function readTypedCode(text: string): TypedCode {
  const code = text.replaceAll(/[\s-]/g, "").toUpperCase();
  if (code.length === DIGITS && /^\d+$/.test(code)) return { kind: "totp", code };
  const recovery = code.replaceAll("O", "0").replaceAll(/[IL]/g, "1");
  const isRecovery = recovery.length === RECOVERY_LENGTH &&
    [...recovery].every((letter) => ALPHABET.includes(letter));
  return isRecovery ? { kind: "recovery_code", code: recovery } : undefined;
}
