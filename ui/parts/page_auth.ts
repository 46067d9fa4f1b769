import type { Context } from "hono";
import type { Access } from "../../contract/access/access.ts";
import {
  isConnectorPermission,
  isPipelinePermission,
  type Permission,
} from "../../contract/access/permissions.ts";
import type { SignIn } from "../../server/auth/sign_in.ts";
import type { PipelineSubject } from "../../contract/access/scope.ts";

/** What the pages need of the server's sessions. */
export interface PageAuth {
  /** What the user of the request's session cookie may. */
  currentAccess(c: Context): Promise<Access | undefined>;
  /** The address that the request came from. */
  addressOf(c: Context): string;
}

/** How the sign-in page lets people in. */
export type PageSignIn = Pick<
  SignIn,
  "isPasswordThere" | "hasPassword" | "isPasswordOf" | "withToken" | "withPassword" | "signOut"
>;

/**
 * Whether something is offered: for a pipeline, or for the connector of that name, where one is said; else where it is
 * allowed for anything at all.
 */
export function mayOffer(
  access: Access | undefined,
  permission: Permission,
  about?: PipelineSubject | string,
): boolean {
  if (access === undefined) return false;
  if (typeof about === "object" && isPipelinePermission(permission)) return access.mayWith(permission, about);
  if (typeof about === "string" && isConnectorPermission(permission)) return access.mayUse(permission, about);
  return access.mayAnywhere(permission);
}

/** How people sign in at an identity provider. */
export interface PageSso {
  /** The words of its button. */
  readonly label: string;
  /** Whether nobody signs in by a password. */
  readonly isOnly: boolean;
  /** Where a sign-in begins that goes to `next` afterwards. */
  startUrl(next: string): string;
  /** The provider's address for a sign-in of this browser. Throws unavailable. */
  begin(c: Context, next: string): Promise<string>;
  /** Ends it, and starts a session. Returns where to go. Throws whatever the provider or we have against it. */
  finish(c: Context): Promise<string>;
  /** Where the provider's own session ends; to be asked for before ours ends. */
  endUrl(c: Context): Promise<string | undefined>;
}
