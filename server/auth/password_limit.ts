import type { Clock } from "../../contract/clock.ts";
import type { Lane } from "../../engine/control/people/passwords/hasher.ts";
import { type Attempt, AttemptLimit } from "./attempt_limit.ts";

export interface PasswordLimitOptions {
  readonly clock: Pick<Clock, "now" | "sleep">;
  /** Called when an address, or attempts at an account, have reached the limit. */
  readonly onLimit?: (what: "address" | "account", name: string) => void;
}

/** Who tries to sign in, as whom. */
export interface Trial {
  readonly address: string;
  /** The account's name or address of mail, as it was typed. */
  readonly account: string;
  /** The hash of the browser's cookie, where that account has signed in from it before. */
  readonly knownBrowser: string | undefined;
}

/**
 * How often passwords may be tried: by address and by account, also side by side. Beyond ten failures attempts are
 * decided one after the other, of an account two seconds apart, so that guessing ends nothing but the guesser's time:
 * no account is ever locked. A browser from which the account's owner has signed in before is counted by itself, and so
 * is not held up by those who guess.
 */
export class PasswordLimit<T> {
  readonly #addresses: AttemptLimit<T>;
  readonly #accounts: AttemptLimit<T>;
  readonly #browsers: AttemptLimit<T>;

  constructor({ clock, onLimit = () => {} }: PasswordLimitOptions) {
    this.#addresses = new AttemptLimit({
      clock,
      onFailure: (address, isLimited) => isLimited && onLimit("address", address),
    });
    this.#accounts = new AttemptLimit({
      clock,
      windowMs: 900_000,
      waiting: 10,
      pauseMs: 2_000,
      onFailure: (account, isLimited) => isLimited && onLimit("account", account),
    });
    this.#browsers = new AttemptLimit({ clock, pauseMs: 1_000, waiting: 5 });
  }

  /** Throws what `find` throws. */
  async attempt(
    { address, account, knownBrowser }: Trial,
    find: (lane: Lane) => Promise<T | undefined>,
  ): Promise<Attempt<T>> {
    if (knownBrowser !== undefined) {
      return await this.#browsers.attempt(knownBrowser, undefined, () => find("known"));
    }
    let byAccount: Attempt<T> | undefined;
    const byAddress = await this.#addresses.attempt(address, undefined, async () => {
      byAccount = await this.#accounts.attempt(accountKey(account), undefined, () => find("other"));
      return byAccount.kind === "known" ? byAccount.value : undefined;
    });
    return byAddress.kind === "unknown" ? byAccount ?? byAddress : byAddress;
  }
}

/** As the store compares them; no address of a network is like it. */
const accountKey = (account: string): string => `account ${account.toLowerCase().replaceAll(":", "%")}`;
