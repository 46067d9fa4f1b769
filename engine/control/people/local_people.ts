import { LocalGrants } from "./grants.ts";
import { LocalGroups } from "./groups.ts";
import { LocalLinks } from "./links.ts";
import type { PeopleContext } from "./people_context.ts";
import { PasswordLinks } from "./passwords/links.ts";
import { LocalPasswords } from "./passwords/passwords.ts";
import type { People } from "./port.ts";
import { LocalRoles } from "./roles.ts";
import { LocalSessions } from "./sessions.ts";
import { LocalTokens } from "./tokens.ts";
import { LocalUserFactors } from "./user_factors.ts";
import { LocalUsers } from "./users.ts";

export interface LocalPeople extends People {
  readonly passwords: LocalPasswords;
  readonly tokens: LocalTokens;
  readonly passwordLinks: PasswordLinks;
}

/** People as the control store has them. */
export function createPeople(context: PeopleContext): LocalPeople {
  const grants = new LocalGrants(context);
  const passwords = new LocalPasswords(context);
  return {
    users: new LocalUsers(context, grants, passwords),
    passwords,
    factors: new LocalUserFactors(context),
    passwordLinks: new PasswordLinks(context, passwords),
    groups: new LocalGroups(context),
    roles: new LocalRoles(context),
    grants,
    tokens: new LocalTokens(context),
    sessions: new LocalSessions(context),
    links: new LocalLinks(context),
  };
}
