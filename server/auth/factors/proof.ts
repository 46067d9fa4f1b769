import type { Principal } from "../../../contract/access/principal.ts";
import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import type { SignInStore } from "../../../engine/store/factors/port.ts";
import type { AccessStore } from "../../../engine/store/ports/access.ts";

/** How long whoever has shown who they are may change factors, and the passwords of others. */
export const PROOF_MS = 10 * 60_000;

/** The reason of errors about somebody who has to show once more who they are. */
export const PROOF_NEEDED = "proof_needed";

export interface ProofOptions {
  readonly access: Pick<AccessStore, "listSessions">;
  readonly signIns: Pick<SignInStore, "putProof" | "hasProof">;
  readonly clock: Pick<Clock, "now">;
}

/**
 * Whether whoever has a session has shown who they are within the last ten minutes: whoever finds a browser open, or has
 * a token alone, is not to add a way in or to take one away.
 */
export class Proofs {
  readonly #options: ProofOptions;

  constructor(options: ProofOptions) {
    this.#options = options;
  }

  async isFresh({ id, sessionId }: Principal, { byAnyMeans = false } = {}): Promise<boolean> {
    if (sessionId === undefined) return false;
    const { access, signIns, clock } = this.#options;
    const sinceMs = clock.now() - PROOF_MS;
    const session = (await access.listSessions(clock.now(), id)).find((one) => one.id === sessionId);
    if (session === undefined) return false;
    const isEnough = byAnyMeans || session.method === "password" || session.method === "passkey";
    return isEnough && session.createdAtMs >= sinceMs || await signIns.hasProof(sessionId, id, sinceMs);
  }

  /**
   * The same before somebody else's password or factors are changed. Who asks with a token sends it each time, and whoever
   * signs in by one or at an identity provider alone shows who they are by signing in again. Throws as `require`.
   */
  async requireForOthers(principal: Principal): Promise<void> {
    if (principal.sessionId === undefined || await this.isFresh(principal, { byAnyMeans: true })) return;
    throw new AppError(
      "conflict",
      "Show once more that it is you, on the account page, or sign in again: others' passwords and factors are " +
        "changed by whoever has done so within the last ten minutes",
      { reason: PROOF_NEEDED },
    );
  }

  /** Throws conflict, reason proof_needed. */
  async require(principal: Principal): Promise<void> {
    if (await this.isFresh(principal)) return;
    throw new AppError(
      "conflict",
      principal.sessionId === undefined
        ? "Factors are changed by whoever has signed in on the page, not by a token: use the account page"
        : "Show once more that it is you, on the account page: by your password, a code or a passkey",
      { reason: PROOF_NEEDED },
    );
  }

  /** Notes that whoever has the session has just shown who they are. */
  async note({ id, sessionId }: Principal): Promise<void> {
    const nowMs = this.#options.clock.now();
    if (sessionId !== undefined) await this.#options.signIns.putProof(sessionId, id, nowMs, nowMs - PROOF_MS);
  }
}
