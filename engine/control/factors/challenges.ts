import type { Clock } from "../../../contract/clock.ts";
import type { ChallengePurpose, SignInStore } from "../../store/factors/port.ts";
import { hashToken, randomText } from "../people/token_text.ts";

/** How long a challenge for a passkey may be answered. */
export const CHALLENGE_MS = 5 * 60_000;

export interface ChallengeContext {
  readonly signIns: SignInStore;
  readonly clock: Pick<Clock, "now">;
}

/** Challenges for passkeys: each is bound to what it is for, to a user where one is known, and to one browser's ticket. */
export class PasskeyChallenges {
  readonly #context: ChallengeContext;

  constructor(context: ChallengeContext) {
    this.#context = context;
  }

  /** Returns its ticket, which is stored nowhere. */
  async put(purpose: ChallengePurpose, user: string | null, challenge: string): Promise<string> {
    const ticket = randomText();
    const nowMs = this.#context.clock.now();
    await this.#context.signIns.putChallenge(
      { hash: await hashToken(ticket), challenge, purpose, user, expiresAtMs: nowMs + CHALLENGE_MS },
      nowMs,
    );
    return ticket;
  }

  /** Each is taken once; undefined where it is another's, or over. */
  async take(purpose: ChallengePurpose, user: string | null, ticket: string): Promise<string | undefined> {
    const taken = await this.#context.signIns.takeChallenge(
      await hashToken(ticket),
      this.#context.clock.now(),
    );
    return taken?.purpose === purpose && taken.user === user ? taken.challenge : undefined;
  }
}
