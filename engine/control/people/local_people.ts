import { LocalGrants } from "./grants.ts";
import { LocalGroups } from "./groups.ts";
import { LocalLinks } from "./links.ts";
import type { PeopleContext } from "./people_context.ts";
import { LocalInvitations } from "./passwords/invitations.ts";
import { PasswordLinks } from "./passwords/links.ts";
import { PasswordResets } from "./passwords/resets.ts";
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
  readonly passwordResets: PasswordResets;
}

/** People as the control store has them. */
export function createPeople(context: PeopleContext): LocalPeople {
  const grants = new LocalGrants(context);
  const passwords = new LocalPasswords(context);
  const users = new LocalUsers(context, grants, passwords);
  const passwordLinks = new PasswordLinks(context, passwords);
  return {
    users,
    passwords,
    factors: new LocalUserFactors(context),
    passwordLinks,
    passwordResets: new PasswordResets(context, passwordLinks),
    invitations: new LocalInvitations(context, users, passwordLinks),
    groups: new LocalGroups(context),
    roles: new LocalRoles(context),
    grants,
    tokens: new LocalTokens(context),
    sessions: new LocalSessions(context),
    links: new LocalLinks(context),
  };
}
