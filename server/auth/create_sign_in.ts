import type { AuditTrail } from "../../contract/audit/entry.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Sealer } from "../../contract/keys/sealer.ts";
import type { Log } from "../../contract/log.ts";
import { LocalFactors } from "../../engine/control/factors/local_factors.ts";
import type { Factors } from "../../engine/control/factors/port.ts";
import type { RelyingPartyOr } from "../../engine/control/factors/relying_party.ts";
import type { PasswordHasher } from "../../engine/control/people/passwords/hasher.ts";
import type { PasswordLinks } from "../../engine/control/people/passwords/links.ts";
import type { Store } from "../../engine/store/store.ts";
import type { Auth } from "./auth.ts";
import { FactorGate } from "./factors/factor_gate.ts";
import { FactorSignIn } from "./factors/factor_sign_in.ts";
import { HalfOpenSignIns } from "./factors/half_open.ts";
import { OwnFactors } from "./factors/own_factors.ts";
import { Proofs } from "./factors/proof.ts";
import type { FactorRequirement } from "./factors/requirement.ts";
import { SignIn } from "./sign_in.ts";

export interface SignInParts {
  readonly store: Pick<Store, "access" | "passwords" | "people" | "factors" | "signIns">;
  readonly auth: Auth;
  readonly hasher: PasswordHasher;
  readonly links: Pick<PasswordLinks, "make">;
  readonly sealer: Sealer;
  readonly audit: AuditTrail;
  readonly clock: Pick<Clock, "now" | "sleep">;
  readonly log: Log;
  /** Whether nobody signs in by means of their own, but at the identity provider alone. */
  readonly isPasswordOff?: boolean;
  /** Who must have a second factor. */
  readonly requirement: FactorRequirement;
  readonly relyingParty: () => RelyingPartyOr;
}

/** Everything by which people sign in on the page. */
export interface SignIns {
  readonly signIn: SignIn;
  readonly secondFactor: SecondFactorParts;
}

export interface SecondFactorParts {
  readonly factors: Factors;
  readonly signIn: FactorSignIn;
  readonly own: OwnFactors;
  readonly proofs: Proofs;
}

export function createSignIn(parts: SignInParts): SignIns {
  const { store, requirement } = parts;
  const { access, passwords, signIns, people: { users } } = store;
  const factors = new LocalFactors({ ...parts, factors: store.factors, signIns });
  const halves = new HalfOpenSignIns({ ...parts, signIns });
  const gate = new FactorGate({ halves, factors, requirement });
  const signIn = new SignIn({ ...parts, access, users, passwords, factors: gate });
  const proofs = new Proofs({ ...parts, access, signIns });
  return {
    signIn,
    secondFactor: {
      factors,
      signIn: new FactorSignIn({ ...parts, halves, factors, users, signIn }),
      own: new OwnFactors({ factors, proofs, requirement }),
      proofs,
    },
  };
}
