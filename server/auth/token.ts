import { AppError } from "../../contract/errors.ts";
import { ENV_TOKEN_NAME, LOCAL_TOKEN_NAME, requireName } from "../../contract/names.ts";
import type { Clock } from "../../contract/clock.ts";
import type { AccessStore, Role, TokenRecord } from "../../engine/store/store.ts";

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

/**
 * Makes a token. Its text is returned and stored nowhere. Throws `conflict` for a name in use,
 * `invalid` for one that no token may have.
 */
export async function createToken(
  access: AccessStore,
  clock: Pick<Clock, "now">,
  { name, role }: { readonly name: string; readonly role: Role },
): Promise<{ token: string; record: TokenRecord }> {
  requireName("token", name);
  const token = newTokenText();
  const record = { id: crypto.randomUUID(), name, role, createdAtMs: clock.now(), lastUsedAtMs: null };
  await access.createToken({ ...record, hash: await hashToken(token) });
  return { token, record };
}

/**
 * Sees to it that somebody can sign in. With `envToken` (SLUICE_TOKEN) that is an admin's token from
 * now on, under that name. Without it, and where there is no token yet, one is made: its text is
 * answered this once, to be printed. Throws `invalid` for an `envToken` that no header could carry.
 */
export async function ensureFirstToken(
  access: AccessStore,
  envToken: string | undefined,
  clock: Pick<Clock, "now">,
): Promise<string | undefined> {
  if (envToken !== undefined && envToken !== "") {
    if (!/^[\x21-\x7e]+$/.test(envToken)) {
      throw new AppError("invalid", "SLUICE_TOKEN must be of visible ASCII characters, without spaces");
    }
    await putAdminToken(access, clock, ENV_TOKEN_NAME, envToken);
    return undefined;
  }
  const tokens = await access.listTokens();
  if (tokens.some(({ name }) => name !== LOCAL_TOKEN_NAME)) return undefined;
  const { token } = await createToken(access, clock, { name: "first admin", role: "admin" });
  return token;
}

/** A fresh admin's token for commands on the same machine; the one of an earlier start ends. */
export async function renewLocalToken(access: AccessStore, clock: Pick<Clock, "now">): Promise<string> {
  const token = newTokenText();
  await putAdminToken(access, clock, LOCAL_TOKEN_NAME, token);
  return token;
}

async function putAdminToken(
  access: AccessStore,
  clock: Pick<Clock, "now">,
  name: string,
  token: string,
): Promise<void> {
  await access.putToken({
    id: crypto.randomUUID(),
    name,
    role: "admin",
    hash: await hashToken(token),
    createdAtMs: clock.now(),
  });
}
