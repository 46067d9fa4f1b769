import { userActor } from "../../../contract/audit/actor.ts";
import type { Context } from "hono";
import type { JWTPayload } from "jose";
import type { AuditTrail } from "../../../contract/audit/entry.ts";
import type { Clock } from "../../../contract/clock.ts";
import { MOST_OF_SUBJECT } from "../../../contract/access/links.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { Sealer } from "../../../contract/keys/sealer.ts";
import type { Log } from "../../../contract/log.ts";
import type { AdmissionContext } from "../../../engine/control/sso/admission.ts";
import { admitPerson } from "../../../engine/control/sso/admit_person.ts";
import { idTokenPlace, type SsoSessionStore } from "../../../engine/store/ports/sso.ts";
import { tooManyAttempts } from "../../http/too_many.ts";
import { AttemptLimit } from "../attempt_limit.ts";
import type { Auth } from "../auth.ts";
import { type Issuer, providerError, tokenFault } from "./issuer.ts";
import { PendingSignIns } from "./pending_sign_in.ts";
import { isIncomplete, personOf } from "./provided_person.ts";
import type { SsoSettings } from "./settings.ts";

/** The way back from the provider, behind the server's own address. */
export const CALLBACK_PATH = "/oidc/callback";
/** A hint that makes an address longer than this is left out: servers refuse such. */
const MOST_OF_HINT = 4_000;

export interface SingleSignOnOptions {
  readonly settings: SsoSettings;
  readonly issuer: Issuer;
  readonly auth: Pick<
    Auth,
    "startSession" | "signOut" | "addressOf" | "currentAccess" | "readCookie" | "setCookie" | "clearCookie"
  >;
  readonly admission: AdmissionContext;
  readonly sessions: SsoSessionStore;
  readonly sealer: Sealer;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly log: Log;
  /** Where browsers reach this server, without a slash at the end: never what a request says of it. */
  readonly baseUrl: () => string;
}

/** Whom the provider has let in, and what shows it again. */
interface Verified {
  readonly claims: JWTPayload & { readonly iss: string; readonly sub: string };
  readonly more: Readonly<Record<string, unknown>>;
  readonly idToken: string;
}

/**
 * Signing in at an identity provider: OpenID Connect's authorization code flow with PKCE, state and nonce, bound to the
 * browser that began it. Serves as `PageSso` of the pages.
 */
export class SingleSignOn {
  readonly #options: SingleSignOnOptions;
  readonly #pending: PendingSignIns;
  /** By the state of a sign-in: whoever fails often is slowed down, since each costs a request to the provider. */
  readonly #limit: AttemptLimit<Verified>;

  constructor(options: SingleSignOnOptions) {
    this.#options = options;
    this.#pending = new PendingSignIns(options.clock, options.auth);
    this.#limit = new AttemptLimit({ clock: options.clock });
  }

  get label(): string {
    return this.#options.settings.label;
  }

  /** Whether nobody signs in by a password. */
  get isOnly(): boolean {
    return this.#options.settings.isOnly;
  }

  /** Where a sign-in begins: at the address that the provider leads back to, since cookies belong to one. */
  startUrl(next: string): string {
    const start = `${this.#options.baseUrl()}/oidc/login`;
    return next === "/" ? start : `${start}?next=${encodeURIComponent(next)}`;
  }

  /** Begins a sign-in in this browser. Returns the provider's address for it. Throws `unavailable`. */
  async begin(c: Context, next: string): Promise<string> {
    const { issuer, settings } = this.#options;
    const configuration = await issuer.configuration();
    const library = await import("openid-client");
    const pending = {
      state: library.randomState(),
      nonce: library.randomNonce(),
      verifier: library.randomPKCECodeVerifier(),
      next,
    };
    const address = library.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#redirectUri,
      scope: settings.scope,
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await library.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: "S256",
    });
    await this.#pending.begin(c, pending);
    return address.href;
  }

  /**
   * Ends the sign-in that this browser has begun, by the address that the provider led back to, and starts a session.
   * Returns where to go. Throws `invalid` where none was begun here, `unauthorized` where the provider's word is not
   * good, `forbidden` for whoever is not let in, `unavailable`; status 429 for an address that failed too often.
   */
  async finish(c: Context): Promise<string> {
    const pending = await this.#pending.take(c);
    if (pending === undefined) {
      throw new AppError(
        "invalid",
        "This sign-in was not begun in this browser, or too long ago: begin again",
        { reason: "sso_state" },
      );
    }
    const address = this.#options.auth.addressOf(c);
    let verified: Verified | undefined;
    try {
      verified = await this.#limited(address, pending.state, () => this.#redeem(c, pending));
      await this.#admit(c, verified, address);
      return pending.next;
    } catch (error) {
      await this.#noteFailure(error, address, verified?.claims.sub);
      throw error;
    }
  }

  /** Where the provider ends its own session; to be asked for before ours ends. Undefined where there is none. */
  async endUrl(c: Context): Promise<string | undefined> {
    const { auth, sessions, sealer, issuer, baseUrl, log } = this.#options;
    const sessionId = (await auth.currentAccess(c))?.principal.sessionId;
    const session = sessionId === undefined ? undefined : await sessions.find(sessionId);
    if (session === undefined) return undefined;
    try {
      const configuration = await issuer.configuration();
      if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined;
      const hint = session.idToken === null
        ? undefined
        : await sealer.open(session.idToken, idTokenPlace(session.session));
      const { buildEndSessionUrl } = await import("openid-client");
      return buildEndSessionUrl(configuration, {
        post_logout_redirect_uri: `${baseUrl()}/login`,
        ...(hint === undefined || hint.length > MOST_OF_HINT ? {} : { id_token_hint: hint }),
      }).href;
    } catch (error) {
      // Signing out here goes on: the provider's session is its own.
      log("warn", `The identity provider cannot be told of a sign-out: ${toAppError(error).message}`);
      return undefined;
    }
  }

  get #redirectUri(): string {
    return `${this.#options.baseUrl()}${CALLBACK_PATH}`;
  }

  async #redeem(
    c: Context,
    { state, nonce, verifier }: { readonly state: string; readonly nonce: string; readonly verifier: string },
  ): Promise<Verified> {
    const { issuer, settings } = this.#options;
    const configuration = await issuer.configuration();
    const library = await import("openid-client");
    const back = new URL(this.#redirectUri);
    back.search = new URL(c.req.url).search;
    const tokens = await library.authorizationCodeGrant(configuration, back, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      idTokenExpected: true,
    }).catch((error) => {
      throw refusalOf(issuer.url, error);
    });
    const { id_token: idToken = "", access_token: accessToken } = tokens;
    // The library has compared the claims; whether the provider has signed them is looked at here.
    const { payload } = await issuer.verify(idToken, { audience: settings.clientId, isFromProvider: true });
    const { iss, sub } = payload;
    if (iss === undefined || sub === undefined || sub.length > MOST_OF_SUBJECT) {
      throw tokenFault("it names nobody");
    }
    const claims = { ...payload, iss, sub };
    const more = isIncomplete(claims, settings) &&
        configuration.serverMetadata().userinfo_endpoint !== undefined
      ? await library.fetchUserInfo(configuration, accessToken, sub).catch((error) => {
        throw refusalOf(issuer.url, error);
      })
      : {};
    return { claims, more, idToken };
  }

  async #admit(c: Context, { claims, more, idToken }: Verified, address: string): Promise<void> {
    const { settings, admission, auth, sessions, sealer, audit } = this.#options;
    const person = personOf(claims, more, settings, address);
    const letIn = await admitPerson(admission, settings.rules, person);
    const { principal: { sessionId = "" } } = await auth.startSession(c, letIn, "sso");
    try {
      const sid = claims["sid"];
      await sessions.add({
        session: sessionId,
        issuer: claims.iss,
        subject: claims.sub,
        sid: typeof sid === "string" ? sid : null,
        idToken: await sealer.seal(idToken, idTokenPlace(sessionId)),
      });
      await audit.record({
        action: "sign_in",
        actor: { ...userActor(letIn.identity.user, address), sessionId },
        details: { method: "sso", issuer: claims.iss, subject: claims.sub },
      });
    } catch (error) {
      // One that the provider could not end is none.
      await admission.access.endSessionById(sessionId);
      throw error;
    }
  }

  async #limited(address: string, key: string, redeem: () => Promise<Verified>): Promise<Verified> {
    let refused: unknown;
    const attempt = await this.#limit.attempt(address, key, async () => {
      try {
        return await redeem();
      } catch (error) {
        // What the provider could not do is nobody's failure.
        if (toAppError(error).code === "unavailable") throw error;
        refused = error;
        return undefined;
      }
    });
    if (attempt.kind === "known") return attempt.value;
    if (attempt.kind === "unknown" && refused !== undefined) throw refused;
    const waitMs = attempt.kind === "limited" ? attempt.waitMs : 0;
    throw tooManyAttempts(`sign-ins from ${address} have failed`, waitMs);
  }

  async #noteFailure(thrown: unknown, address: string, subject: string | undefined): Promise<void> {
    const { audit, issuer, log } = this.#options;
    const { code, reason, message } = toAppError(thrown);
    if (reason === "too_many_attempts") return;
    log("warn", `A sign-in by the identity provider failed: ${message}`, { address });
    await audit.record({
      action: "sign_in.failed",
      actor: { id: null, name: subject ?? "unknown", kind: "unknown", address },
      outcome: code === "unavailable" ? "failed" : "refused",
      details: { method: "sso", issuer: issuer.url.href, reason: reason ?? code },
    });
  }
}

/** What the library threw, without what the provider or the address had in it: anybody can write the address. */
function refusalOf(issuer: URL, thrown: unknown): AppError {
  const known = providerError(issuer, "could not be asked", thrown);
  if (known.reason !== "provider" || !(thrown instanceof Error)) return known;
  const code = "error" in thrown && typeof thrown.error === "string" ? thrown.error : undefined;
  if (code !== undefined && /^[a-z_]{1,40}$/.test(code)) {
    return new AppError("unauthorized", `The identity provider has not let you in: ${code}`, {
      reason: code,
      cause: thrown,
    });
  }
  const inner = thrown.cause instanceof AppError ? thrown.cause : undefined;
  if (inner !== undefined) return inner;
  return new AppError("unauthorized", `The sign-in is not good: ${thrown.message}`, {
    reason: "invalid_sign_in",
    cause: thrown,
  });
}
