import type { Clock } from "../../../contract/clock.ts";
import type { AuditTrail } from "../../../contract/audit/entry.ts";
import type { AccessStore } from "../../../engine/store/ports/access.ts";
import type { SsoSessionStore } from "../../../engine/store/ports/sso.ts";
import { TakenOnce } from "./taken_once.ts";
import { type Issuer, tokenFault } from "./issuer.ts";
import { isRecord } from "../../../text/is_record.ts";

/** https://openid.net/specs/openid-connect-backchannel-1_0.html */
const EVENT = "http://schemas.openid.net/event/backchannel-logout";
/** A clock that is behind still takes one that has expired. */
const CLOCK_TOLERANCE_MS = 60_000;

export interface BackchannelLogoutOptions {
  readonly issuer: Issuer;
  readonly clientId: string;
  readonly sessions: SsoSessionStore;
  readonly access: Pick<AccessStore, "endSessionById">;
  readonly audit: AuditTrail;
  readonly clock: Pick<Clock, "now">;
}

/** Ends the sessions that a provider says are over. */
export class BackchannelLogout {
  readonly #options: BackchannelLogoutOptions;
  /** Tokens, by issuer and id. */
  readonly #taken: TakenOnce;

  constructor(options: BackchannelLogoutOptions) {
    this.#options = options;
    this.#taken = new TakenOnce(options.clock);
  }

  /** By a logout token. Returns how many sessions ended. Throws `unauthorized` for one that is not good. */
  async end(token: string, address: string): Promise<number> {
    const { issuer, clientId, sessions, access, audit } = this.#options;
    const { payload, protectedHeader } = await issuer.verify(token, {
      audience: clientId,
      requiredClaims: ["iat", "jti"],
      isSubjectOptional: true,
    });
    const { typ } = protectedHeader;
    if (typ !== undefined && !["logout+jwt", "jwt"].includes(typ.toLowerCase())) {
      throw tokenFault("it is of another type");
    }
    const { iss = "", sub, sid, jti = "", exp = 0, events } = payload;
    if (!isRecord(events) || !isRecord(events[EVENT])) throw tokenFault("it is no logout token");
    // An ID token has one; a logout token must not.
    if ("nonce" in payload) throw tokenFault("it has a nonce");
    const named = typeof sid === "string" ? sid : undefined;
    if (named === undefined && sub === undefined) throw tokenFault("it names no session and nobody");
    const id = `${iss} ${jti}`;
    if (this.#taken.has(id)) throw tokenFault("it was sent before");
    const ids = await sessions.list({ issuer: iss, subject: sub, sid: named });
    let ended = 0;
    for (const session of ids) {
      if (!await access.endSessionById(session)) continue;
      ended++;
      await audit.record({
        action: "session.end",
        actor: { id: null, name: issuer.url.href, kind: "unknown", address },
        target: { kind: "session", name: session },
        details: { by: "backchannel_logout" },
      });
    }
    // Only now: what could not be written is sent again.
    this.#taken.take(id, exp * 1_000 + CLOCK_TOLERANCE_MS);
    return ended;
  }
}
