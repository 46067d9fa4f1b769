import type { Clock } from "../../../contract/clock.ts";
import type { AccessToken, RenewedToken, TokenRequest } from "../../../contract/connector/tokens.ts";
import { TokenSeal } from "./sealed_token.ts";
import { TokenFolder } from "./token_folder.ts";

/** The right to renew a token, of one process at a time. Disposing of it lets the next one have it. */
export interface Renewal extends Disposable {
  /** To be tried in this order: the newest that is known, and the configured one. */
  readonly refreshTokens: readonly string[];
  /** Keeps what came of it; when it returns, a crash loses nothing any more. */
  keep(renewed: RenewedToken): Promise<void>;
}

/**
 * The tokens that all processes share which have one data folder: the last access token, and the refresh token that
 * came in the place of the configured one.
 */
export class SharedTokens {
  readonly #clock: Clock;
  /** Who comes first goes first, by id. */
  readonly #queues = new Map<string, Promise<void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An access token that is good now, or the right to get one. Throws the signal's reason, and `unavailable`. */
  async claim(
    dataDir: string,
    request: TokenRequest,
    signal: AbortSignal,
  ): Promise<{ readonly access: AccessToken } | { readonly renewal: Renewal }> {
    const seal = new TokenSeal(request);
    using stack = new DisposableStack();
    stack.use(await this.#turn(seal.id, signal));
    const folder = new TokenFolder(dataDir);
    stack.use(await folder.lock(seal, this.#clock, signal));
    const kept = await folder.read(seal);
    if (kept !== undefined && isGood(kept.access, request, this.#clock.now())) return { access: kept.access };
    const newest = kept?.refreshToken ?? request.refreshToken;
    const held = stack.move();
    return {
      renewal: {
        refreshTokens: [...new Set([newest, request.refreshToken])],
        keep: (renewed) => folder.write(seal, renewed),
        [Symbol.dispose]: () => held[Symbol.dispose](),
      },
    };
  }

  async #turn(id: string, signal: AbortSignal): Promise<Disposable> {
    const before = this.#queues.get(id) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queues.set(id, promise);
    await before;
    if (signal.aborted) {
      resolve();
      throw signal.reason;
    }
    return { [Symbol.dispose]: resolve };
  }
}

const isGood = ({ token, untilMs }: AccessToken, { refused }: TokenRequest, nowMs: number): boolean =>
  token !== refused && nowMs < untilMs;
