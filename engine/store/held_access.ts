import { toAppError } from "../../contract/errors.ts";
import type { AccessStore, TokenRecord } from "./ports/access.ts";

/** Last uses are written this much later, all of that time at once; what was held back is tried then too. */
const WRITE_AFTER_MS = 2_000;

export interface HeldAccess extends AccessStore, AsyncDisposable {}

type NewToken = Parameters<AccessStore["putToken"]>[0];
type NewSession = Parameters<AccessStore["createSession"]>[0];

/**
 * Tokens and sessions where looking must never wait for a write: when a token was last used is noted
 * in memory and written later, as well as it goes, and a token or session that the store cannot take
 * now (its disk is full, another process holds its lock) counts from here until it can.
 */
export function holdAccess(inner: AccessStore): HeldAccess {
  const held = new HeldWrites(inner);
  return {
    createToken: (token) => inner.createToken(token),
    putToken: (token) => held.putToken(token),
    findToken: (hash) => held.findToken(hash),
    listTokens: async () => (await inner.listTokens()).map((record) => held.withLastUse(record)),
    async revokeToken(id) {
      const wasHeld = held.forgetToken(id);
      return await inner.revokeToken(id) || wasHeld;
    },
    touchToken: (id, atMs) => held.touchToken(id, atMs),
    createSession: (session) => held.createSession(session),
    findSession: (hash, nowMs) => held.findSession(hash, nowMs),
    async endSession(hash) {
      held.forgetSession(hash);
      await inner.endSession(hash);
    },
    [Symbol.asyncDispose]: () => held.dispose(),
  };
}

class HeldWrites {
  readonly #inner: AccessStore;
  readonly #lastUses = new Map<string, number>();
  /** By hash, in the order in which they came: a session may be one of a token that is held. */
  readonly #tokens = new Map<string, NewToken>();
  readonly #sessions = new Map<string, NewSession>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(inner: AccessStore) {
    this.#inner = inner;
  }

  touchToken(id: string, atMs: number): Promise<void> {
    this.#lastUses.set(id, atMs);
    this.#writeLater();
    return Promise.resolve();
  }

  withLastUse(record: TokenRecord): TokenRecord {
    const lastUsedAtMs = this.#lastUses.get(record.id);
    return lastUsedAtMs === undefined ? record : { ...record, lastUsedAtMs };
  }

  async putToken(token: NewToken): Promise<void> {
    const known = await this.#inner.findToken(token.hash);
    if (known?.name === token.name && known.role === token.role) return;
    await this.#writeOrHold(() => this.#inner.putToken(token), () => this.#tokens.set(token.hash, token));
  }

  async findToken(hash: string): Promise<TokenRecord | undefined> {
    const held = this.#tokens.get(hash);
    if (held !== undefined) return this.withLastUse(recordOf(held));
    const found = await this.#inner.findToken(hash);
    // One that waits to be written ends the token that had its name.
    const isReplaced = [...this.#tokens.values()].some(({ name }) => name === found?.name);
    return found === undefined || isReplaced ? undefined : this.withLastUse(found);
  }

  forgetToken(id: string): boolean {
    const held = [...this.#tokens.values()].find((token) => token.id === id);
    for (const [hash, session] of this.#sessions) if (session.tokenId === id) this.#sessions.delete(hash);
    return held !== undefined && this.#tokens.delete(held.hash);
  }

  async createSession(session: NewSession): Promise<void> {
    // The store knows no session of a token that it does not know yet.
    if ([...this.#tokens.values()].some(({ id }) => id === session.tokenId)) {
      this.#sessions.set(session.hash, session);
      return;
    }
    await this.#writeOrHold(
      () => this.#inner.createSession(session),
      () => this.#sessions.set(session.hash, session),
    );
  }

  async findSession(hash: string, nowMs: number): Promise<TokenRecord | undefined> {
    const held = this.#sessions.get(hash);
    if (held === undefined) {
      const found = await this.#inner.findSession(hash, nowMs);
      return found && this.withLastUse(found);
    }
    if (held.expiresAtMs <= nowMs) return undefined;
    const token = [...this.#tokens.values()].find(({ id }) => id === held.tokenId);
    if (token !== undefined) return this.withLastUse(recordOf(token));
    const found = (await this.#inner.listTokens()).find(({ id }) => id === held.tokenId);
    return found && this.withLastUse(found);
  }

  forgetSession(hash: string): void {
    this.#sessions.delete(hash);
  }

  /** Writes what there is, as well as it goes. */
  async dispose(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#writing;
    await this.#write();
  }

  async #writeOrHold(write: () => Promise<void>, hold: () => void): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (toAppError(error).code !== "unavailable") throw error;
      hold();
      this.#writeLater();
    }
  }

  #writeLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#write().then((isDone) => {
        if (!isDone) this.#writeLater();
      });
    }, WRITE_AFTER_MS);
  }

  /** False where something is still held. */
  async #write(): Promise<boolean> {
    for (const [hash, token] of this.#tokens) {
      if (!await isSettled(this.#inner.putToken(token))) return false;
      this.#tokens.delete(hash);
    }
    for (const [hash, session] of this.#sessions) {
      if (!await isSettled(this.#inner.createSession(session))) return false;
      this.#sessions.delete(hash);
    }
    for (const [id, atMs] of this.#lastUses) {
      if (!await isSettled(this.#inner.touchToken(id, atMs))) return false;
      if (this.#lastUses.get(id) === atMs) this.#lastUses.delete(id);
    }
    return true;
  }
}

/** False where the store cannot be written now. What it refuses for another reason is not held for ever. */
async function isSettled(write: Promise<void>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    return toAppError(error).code !== "unavailable";
  }
}

function recordOf({ id, name, role, createdAtMs }: NewToken): TokenRecord {
  return { id, name, role, createdAtMs, lastUsedAtMs: null };
}
