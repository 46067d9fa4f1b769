import type { Clock } from "../../../contract/clock.ts";
import type { FactorStore, SignInStore } from "../../store/factors/port.ts";
import type { AccessStore } from "../../store/ports/access.ts";
import type { SsoStore } from "../../store/ports/sso.ts";
import type { PasswordStore } from "../../store/ports/passwords.ts";
import type { PeopleStore } from "../../store/ports/people.ts";
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
  readonly clock: Pick<Clock, "now">;
}
