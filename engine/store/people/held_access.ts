import { toAppError } from "../../../contract/errors.ts";
import { permissionsOf } from "../../../contract/access/permissions.ts";
import type { AccessStore, LetIn, ServiceToken, SessionRecord, TokenRecord } from "../ports/access.ts";

/** Last uses are written this much later, all of that time at once; what was held back is tried then too. */
const WRITE_AFTER_MS = 2_000;

export interface HeldAccess extends AccessStore, AsyncDisposable {}

type NewSession = SessionRecord & { readonly hash: string };

/**
 * Tokens and sessions where looking must never wait for a write: when a token was last used is noted
 * in memory and written later, as well as it goes, and a token or session that the store cannot take
 * now (its disk is full, another process holds its lock) counts from here until it can.
 */
export function holdAccess(inner: AccessStore): HeldAccess {
  const held = new HeldWrites(inner);
  return {
    createToken: (token) => inner.createToken(token),
    createService: (token) => inner.createService(token),
    putToken: (token) => held.putToken(token),
    findToken: (hash, nowMs) => held.findToken(hash, nowMs),
    issueToken: (token) => inner.issueToken(token),
    listTokens: async (user) => (await inner.listTokens(user)).map((record) => held.withLastUse(record)),
    async revokeToken(id) {
      const wasHeld = held.forgetToken(id);
      return await inner.revokeToken(id) || wasHeld;
    },
    rotateToken(id, rotation) {
      held.forgetSessions((session) => session.token === id);
      return inner.rotateToken(id, rotation);
    },
    touchToken: (id, atMs) => held.touchToken(id, atMs),
    createSession: (session) => held.createSession(session),
    findSession: (hash, nowMs) => held.findSession(hash, nowMs),
    listSessions: async (nowMs, user) =>
      (await inner.listSessions(nowMs, user)).map((record) => held.withLastSeen(record))
        .toSorted((a, b) => b.lastSeenAtMs - a.lastSeenAtMs),
    findUser: (id, token, nowMs) => inner.findUser(id, token, nowMs),
    touchSession: (id, atMs) => held.touchSession(id, atMs),
    async endSession(hash) {
      held.forgetSessions((session) => session.hash === hash);
      await inner.endSession(hash);
    },
    async endSessionById(id) {
      const ended = held.forgetSessions((session) => session.id === id);
      return await inner.endSessionById(id) || ended > 0;
    },
    async endSessionsOf(user, kept) {
      const count = held.forgetSessions((session) => session.user === user && session.id !== kept);
      return count + await inner.endSessionsOf(user, kept);
    },
    [Symbol.asyncDispose]: () => held.dispose(),
  };
}

class HeldWrites {
  readonly #inner: AccessStore;
  /** Of tokens and of sessions, by id. */
  readonly #lastUses = new Map<string, number>();
  readonly #lastSeen = new Map<string, number>();
  /** By hash, in the order in which they came: a session may be one of a token that is held. */
  readonly #tokens = new Map<string, ServiceToken>();
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

  touchSession(id: string, atMs: number): Promise<void> {
    this.#lastSeen.set(id, atMs);
    this.#writeLater();
    return Promise.resolve();
  }

  withLastUse(record: TokenRecord): TokenRecord {
    const lastUsedAtMs = this.#lastUses.get(record.id);
    return lastUsedAtMs === undefined ? record : { ...record, lastUsedAtMs };
  }

  withLastSeen(record: SessionRecord): SessionRecord {
    const lastSeenAtMs = this.#lastSeen.get(record.id);
    return lastSeenAtMs === undefined ? record : { ...record, lastSeenAtMs };
  }

  async putToken(token: ServiceToken): Promise<void> {
    const known = await this.#inner.findToken(token.hash, token.createdAtMs);
    const role = known?.identity.roles.find(({ scope }) => scope.kind === "all")?.role;
    if (known?.identity.user.name === token.name && role === token.role) return;
    await this.#writeOrHold(() => this.#inner.putToken(token), () => this.#tokens.set(token.hash, token));
  }

  async findToken(hash: string, nowMs: number): Promise<LetIn | undefined> {
    const held = this.#tokens.get(hash);
    if (held !== undefined) return this.#noted(letInOf(held));
    const found = await this.#inner.findToken(hash, nowMs);
    return found === undefined || this.#isReplaced(found) ? undefined : this.#noted(found);
  }

  forgetToken(id: string): boolean {
    const held = [...this.#tokens.values()].find((token) => token.id === id);
    this.forgetSessions((session) => session.token === id);
    return held !== undefined && this.#tokens.delete(held.hash);
  }

  async createSession(session: NewSession): Promise<void> {
    // The store knows no session of a token that it does not know yet.
    if ([...this.#tokens.values()].some(({ id }) => id === session.token)) {
      this.#sessions.set(session.hash, session);
      return;
    }
    await this.#writeOrHold(
      () => this.#inner.createSession(session),
      () => this.#sessions.set(session.hash, session),
    );
  }

  async findSession(hash: string, nowMs: number): Promise<LetIn | undefined> {
    const held = this.#sessions.get(hash);
    if (held === undefined) {
      const found = await this.#inner.findSession(hash, nowMs);
      return found === undefined || this.#isReplaced(found) ? undefined : this.#noted(found);
    }
    if (held.expiresAtMs <= nowMs) return undefined;
    const { hash: _hash, ...session } = held;
    const token = [...this.#tokens.values()].find(({ id }) => id === held.token);
    if (token !== undefined) return this.#noted({ ...letInOf(token), session });
    const found = await this.#inner.findUser(held.user, held.token, nowMs);
    return found && this.#noted({ ...found, session });
  }

  /** Returns how many there were. */
  forgetSessions(which: (session: NewSession) => boolean): number {
    const ended = [...this.#sessions.values()].filter(which);
    for (const { hash } of ended) this.#sessions.delete(hash);
    return ended.length;
  }

  /** One that waits to be written ends the token that had its name. */
  #isReplaced({ token }: LetIn): boolean {
    return token !== undefined && [...this.#tokens.values()].some(({ name }) => name === token.userName);
  }

  #noted({ token, session, ...letIn }: LetIn): LetIn {
    return {
      ...letIn,
      ...(token === undefined ? {} : { token: this.withLastUse(token) }),
      ...(session === undefined ? {} : { session: this.withLastSeen(session) }),
    };
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
    return await writeTimes(this.#lastUses, (id, atMs) => this.#inner.touchToken(id, atMs)) &&
      await writeTimes(this.#lastSeen, (id, atMs) => this.#inner.touchSession(id, atMs));
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

async function writeTimes(
  times: Map<string, number>,
  write: (id: string, atMs: number) => Promise<void>,
): Promise<boolean> {
  for (const [id, atMs] of times) {
    if (!await isSettled(write(id, atMs))) return false;
    if (times.get(id) === atMs) times.delete(id);
  }
  return true;
}

function letInOf({ id, name, role, createdAtMs }: ServiceToken): LetIn {
  const user = {
    id,
    name,
    kind: "service",
    state: "active",
    email: null,
    displayName: null,
    createdAtMs,
    createdBy: null,
    lastSeenAtMs: null,
  } as const;
  return {
    identity: {
      user,
      groups: [],
      roles: [{ role, permissions: permissionsOf(role), scope: { kind: "all" } }],
    },
    token: {
      id,
      name,
      user: id,
      userName: name,
      userKind: "service",
      scopes: {},
      createdAtMs,
      createdBy: null,
      expiresAtMs: null,
      lastUsedAtMs: null,
      rotatedAtMs: null,
    },
  };
}
