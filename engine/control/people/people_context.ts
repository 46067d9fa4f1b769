import type { AuditTrail } from "../../../contract/audit/entry.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { FactorStore, SignInStore } from "../../store/factors/port.ts";
import type { Log } from "../../../contract/log.ts";
import type { AccessStore } from "../../store/ports/access.ts";
import type { SsoStore } from "../../store/ports/sso.ts";
import type { PasswordStore } from "../../store/ports/passwords.ts";
import type { PeopleStore } from "../../store/ports/people.ts";
import type { AccountMail } from "./mail/account_mail.ts";
import type { PasswordHasher } from "./passwords/hasher.ts";

export interface PeopleContext {
  readonly people: PeopleStore;
  readonly access: AccessStore;
  readonly sso: Pick<SsoStore, "links">;
  readonly passwords: PasswordStore;
  readonly factors: Pick<FactorStore, "kinds" | "removeAll">;
  readonly signIns: Pick<SignInStore, "closeHalvesOf">;
  readonly hasher: PasswordHasher;
  /** How long a session is good without being used; for ever by default. */
  readonly sessionIdleMs?: number;
  /** Where people reach the server, without a slash at its end; links in mails are made of it. */
  readonly publicUrl?: string | undefined;
  /** None by default. */
  readonly mail?: AccountMail | undefined;
  /** What is done by a link is written down; nothing by default. */
  readonly trail?: AuditTrail;
  readonly log?: Log;
  readonly clock: Pick<Clock, "now">;
}
