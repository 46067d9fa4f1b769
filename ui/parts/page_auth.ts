import type { Context } from "hono";
import type { Role } from "../../engine/store/ports/access.ts";
import { may, type Permission } from "../../server/auth/permissions.ts";

/** Who looks at the page. */
export interface PageUser {
  readonly name: string;
  readonly role: Role;
}

/** What the pages need of the server's sessions. */
export interface PageAuth {
  /** The user of the request's session cookie. */
  currentUser(c: Context): Promise<PageUser | undefined>;
  /** Starts a session for a token that is known and sets its cookie; undefined for any other token. */
  signIn(c: Context, token: string): Promise<PageUser | undefined>;
  /** Ends the session and clears its cookie. */
  signOut(c: Context): Promise<void>;
}

/** Whether the visitor has signed in and may do it: what nobody may do is not offered. */
export function userMay(user: PageUser | undefined, permission: Permission): boolean {
  return user !== undefined && may(user.role, permission);
}
