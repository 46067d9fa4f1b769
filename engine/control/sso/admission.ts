import type { AuditTrail } from "../../../contract/audit/entry.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { AccessStore } from "../../store/ports/access.ts";
import type { PeopleStore } from "../../store/ports/people.ts";
import type { SsoStore } from "../../store/ports/sso.ts";

/** What an identity provider says of somebody, after all of it was verified. */
export interface ProvidedPerson {
  readonly issuer: string;
  readonly subject: string;
  /** What a new user is to be called, as far as a name of ours may be that. */
  readonly name: string | undefined;
  readonly displayName: string | undefined;
  /** Only where the provider says that it has verified it. */
  readonly verifiedEmail: string | undefined;
  /** The names that the provider gives its groups; none where it says nothing of them. */
  readonly groups: readonly string[];
  /** From where the sign-in came. */
  readonly address: string;
}

/** What the operator has decided about people of the identity provider. */
export interface AdmissionRules {
  /** Whether somebody who is not known gets a user. */
  readonly createUsers: boolean;
  /** Whether a verified address is enough to be taken for the user who has it. */
  readonly linkByEmail: boolean;
  /** A role over all that a new user gets; none without it. */
  readonly defaultRole: string | undefined;
  /** In lower case; whoever has no verified address there is refused. Anybody where it is empty. */
  readonly allowedDomains: readonly string[];
  /** Ours of a group of the provider's; undefined: the one of the same name. */
  readonly groups: ReadonlyMap<string, readonly string[]> | undefined;
}

export interface AdmissionContext {
  readonly people: PeopleStore;
  readonly access: AccessStore;
  readonly sso: SsoStore;
  readonly audit: AuditTrail;
  readonly clock: Pick<Clock, "now">;
  /** The users that pipelines name as their owners: no new user may be called so. */
  readonly owners: () => Promise<ReadonlySet<string>>;
}
