import type { Clock } from "../../contract/clock.ts";
import type { Secret, SecretAsk, SecretStore } from "./secret_store.ts";

export interface CacheOptions {
  readonly clock: Pick<Clock, "now">;
  /** How long a value is taken without asking, in milliseconds; 0: never. */
  readonly keepMs: number;
}

interface Kept {
  readonly secret: Promise<Secret | undefined>;
  untilMs: number;
}

/** More names than a project has; beyond them the oldest are asked for again. */
const MOST = 10_000;

/**
 * A store that is asked for a name once in a while, and once by all who ask at the same time: a thousand pipelines that
 * start at midnight are one request. What was leased, was not there, or could not be had is never kept.
 */
export function cachedStore(store: SecretStore, { clock, keepMs }: CacheOptions): SecretStore {
  const kept = new Map<string, Kept>();

  const read = async (key: string, name: string, ask: SecretAsk): Promise<Secret | undefined> => {
    const found = kept.get(key);
    if (found !== undefined && found.untilMs > clock.now() && ask.isAfresh !== true) {
      return await found.secret;
    }
    // No credentials may be made by a request that others wait for, too.
    const secret = store.get(name, { ...ask, mayLease: false });
    // Until it has come, for all who ask meanwhile.
    const entry: Kept = { secret, untilMs: Infinity };
    kept.delete(key);
    kept.set(key, entry);
    const drop = () => {
      if (kept.get(key) === entry) kept.delete(key);
    };
    try {
      const value = await secret;
      if (value === undefined || (typeof value !== "string" && value.isPlaceholder === true)) drop();
      else {
        const freshForMs = typeof value === "string" ? undefined : value.freshForMs;
        entry.untilMs = clock.now() + Math.min(keepMs, freshForMs ?? keepMs);
        if (keepMs === 0) drop();
      }
      for (const oldest of kept.keys()) {
        if (kept.size <= MOST) break;
        kept.delete(oldest);
      }
      return value;
    } catch (error) {
      drop();
      throw error;
    }
  };

  return {
    async get(name, ask = {}) {
      const key = JSON.stringify([name, ask.version, ask.stage]);
      const secret = await read(key, name, ask);
      const isLeased = typeof secret === "object" && secret.isPlaceholder === true;
      return isLeased && ask.mayLease === true ? await store.get(name, ask) : secret;
    },
    forget(name) {
      for (const key of kept.keys()) if (JSON.parse(key)[0] === name) kept.delete(key);
    },
  };
}
