import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import {
  findWorkload,
  type LinkedUser,
  type WorkloadContext,
} from "../../../engine/control/sso/find_workload.ts";
import { type Issuer, tokenFault } from "./issuer.ts";
import { noteLink } from "./note_link.ts";

/** Types of tokens that say who asks: RFC 9068's, and the one of those that say nothing. */
const TYPES: readonly string[] = ["jwt", "at+jwt", "application/at+jwt"];

export interface JwtBearerOptions {
  readonly issuers: readonly Issuer[];
  readonly audiences: readonly string[];
  /** The client that people sign in by: a token that it got is no token for the API. */
  readonly clientId: string | undefined;
  readonly workloads: WorkloadContext;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
}

/** Lets in whoever shows a token of a trusted issuer that was made for this server, as the user that is linked to it. */
export class JwtBearer {
  readonly #options: JwtBearerOptions;

  constructor(options: JwtBearerOptions) {
    this.#options = options;
  }

  /** Throws `unauthorized`, reason invalid_token, with what is wrong; `unavailable` where the issuer's keys cannot be had. */
  async find(token: string): Promise<LinkedUser> {
    const { audiences, clientId, workloads, clock, log } = this.#options;
    const issuer = await this.#issuerOf(token);
    const { payload, protectedHeader: { typ } } = await issuer.verify(token, { audience: [...audiences] });
    if (typ !== undefined && !TYPES.includes(typ.toLowerCase())) throw tokenFault("it is of another type");
    if ("events" in payload) throw tokenFault("it tells of an event");
    if ("nonce" in payload && [payload.aud].flat().includes(clientId)) {
      throw tokenFault("it is the ID token of a sign-in on the page");
    }
    const { iss = "", sub = "" } = payload;
    const found = await findWorkload(workloads, iss, sub);
    if (found === undefined) {
      throw tokenFault(
        `no active user is linked to ${
          JSON.stringify(sub)
        } of ${iss}; sluice users link NAME --issuer --subject does`,
      );
    }
    noteLink(found.link, { links: workloads.links, clock, log });
    return found;
  }

  async #issuerOf(token: string): Promise<Issuer> {
    const { decodeJwt } = await import("jose");
    let iss: string | undefined;
    try {
      iss = decodeJwt(token).iss;
    } catch (error) {
      throw tokenFault("it is no JWT", error);
    }
    const url = iss === undefined ? null : URL.parse(iss);
    const issuer = this.#options.issuers.find((one) => one.url.href === url?.href);
    if (issuer !== undefined) return issuer;
    throw tokenFault("its issuer is none that this server trusts");
  }
}

/** Whether a token can be a JWT: ours have no dot. */
export const isJwt = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
