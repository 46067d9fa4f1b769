import { AppError } from "../../contract/errors.ts";
import { listWords } from "../../text/suggest.ts";
import { type Role, ROLES } from "../../engine/store/ports/access.ts";

/**
 * Who may do what: the one table that routes, pages and commands ask. It is total: a new role or a new
 * permission does not compile before each of its pairs is decided, and what is not listed as true is not
 * allowed.
 */

/** What each is, after "may". */
export const PERMISSIONS = {
  read: "look at pipelines, runs, logs, SQL and columns",
  scrape: "read the metrics",
  preview: "look at rows of tables",
  run: "start, retry or cancel runs",
  pause: "pause or resume schedules",
  alert: "acknowledge or mute problems, or test notifiers",
  define: "change definitions or apply the project",
  operate: "drain the server",
  manage_tokens: "list, make or revoke tokens",
} as const;
export type Permission = keyof typeof PERMISSIONS;

const MAY: Readonly<Record<Role, Readonly<Record<Permission, boolean>>>> = {
  viewer: {
    read: true,
    scrape: true,
    preview: false,
    run: false,
    pause: false,
    alert: false,
    define: false,
    operate: false,
    manage_tokens: false,
  },
  operator: {
    read: true,
    scrape: true,
    preview: true,
    run: true,
    pause: true,
    alert: true,
    define: false,
    operate: false,
    manage_tokens: false,
  },
  admin: {
    read: true,
    scrape: true,
    preview: true,
    run: true,
    pause: true,
    alert: true,
    define: true,
    operate: true,
    manage_tokens: true,
  },
};

export function may(role: Role, permission: Permission): boolean {
  return MAY[role][permission];
}

/** Throws `forbidden` where the user's role does not have the permission. */
export function requirePermission(
  user: { readonly name: string; readonly role: Role },
  permission: Permission,
): void {
  if (may(user.role, permission)) return;
  throw new AppError(
    "forbidden",
    `"${user.name}" has the role ${user.role} and may not ${PERMISSIONS[permission]}: that takes the role ${
      listWords(rolesThatMay(permission), "or")
    }`,
  );
}

/** From the most to the least. */
export function rolesThatMay(permission: Permission): readonly Role[] {
  return ROLES.filter((role) => may(role, permission));
}

/** `look at …; start, retry or cancel runs`: what the role may. */
export function describeRole(role: Role): string {
  return Object.entries(MAY[role]).filter(([, isAllowed]) => isAllowed)
    .map(([permission]) => isPermission(permission) ? PERMISSIONS[permission] : "").join("; ");
}

function isPermission(text: string): text is Permission {
  return Object.hasOwn(PERMISSIONS, text);
}
