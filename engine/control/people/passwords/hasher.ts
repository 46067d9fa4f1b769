import { Turns } from "../../services/turns.ts";

/**
 * RFC 9106's second choice with one lane: about 80 ms on a core of a small machine. OWASP wants 19 MiB, two passes and
 * one lane at the least.
 */
const PARAMETERS = { memoryCost: 65_536, timeCost: 3, parallelism: 1, outputLen: 32 } as const;
/** argon2id; the package's own name for it is of a kind that is not there at run time. */
const ARGON2ID = 2;

/** Each takes 64 MiB while it is at work. */
const AT_ONCE = 2;
/** Those that may wait for their turn. */
const WAITING = 100;

/** A flood must not keep those out whose browser is known: they go first. */
export type Lane = "known" | "other";

/** Hashes passwords by argon2id, a few at the same time, beside the main thread. */
export interface PasswordHasher {
  /** A PHC string with a salt of its own. */
  hash(password: string): Promise<string>;
  /**
   * Whether it is the password of the hash. Without a hash it takes as long and is false, so that nobody can tell users
   * from others by the time. Throws `unavailable` (reason too_many_attempts) where too many wait already.
   */
  verify(hash: string | undefined, password: string, lane?: Lane): Promise<boolean>;
  /** Whether it was made under weaker parameters than today's. */
  isOutdated(hash: string): Promise<boolean>;
}

export interface HasherOptions {
  readonly atOnce?: number;
  readonly waiting?: number;
  /** In KiB; for tests, which have no time for 64 MiB. */
  readonly memoryKib?: number;
}

export function createHasher(
  { atOnce = AT_ONCE, waiting = WAITING, memoryKib = PARAMETERS.memoryCost }: HasherOptions = {},
): PasswordHasher {
  const parameters = { ...PARAMETERS, memoryCost: memoryKib, algorithm: ARGON2ID };
  const turns = new Turns({
    atOnce,
    waiting,
    refusal: "Too many people sign in at this moment: try again in some seconds",
    reason: "too_many_attempts",
  });
  // Loaded when the first password is looked at: most starts of the program see none.
  const argon2 = () => import("@node-rs/argon2");
  let stranger: Promise<string> | undefined;
  return {
    hash: (password) => turns.take(async () => await (await argon2()).hash(normalized(password), parameters)),
    async verify(hash, password, lane = "other") {
      return await turns.take(async () => {
        const { hash: make, verify } = await argon2();
        // Made for everybody: the first attempt of all takes as long for a user as for somebody else.
        const nobodys = await (stranger ??= make(crypto.randomUUID(), parameters));
        return await verify(hash ?? nobodys, normalized(password)) && hash !== undefined;
      }, { isFirst: lane === "known" });
    },
    async isOutdated(hash) {
      const { memoryCost, timeCost, algorithm, outputLen } = (await argon2()).parseOptions(hash);
      return algorithm !== ARGON2ID || memoryCost < memoryKib || timeCost < parameters.timeCost ||
        outputLen < parameters.outputLen;
    },
  };
}

/** The same text whichever keyboard it was typed on (NIST SP 800-63B, 5.1.1.2). */
export const normalized = (password: string): string => password.normalize("NFC");
