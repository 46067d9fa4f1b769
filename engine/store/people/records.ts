import type { Scope } from "../../../contract/access/scope.ts";
import { people } from "./people_tables.ts";
import type { UserRecord } from "../ports/people.ts";

/** The columns of a user, as `UserRecord` has them. */
export const USER = {
  id: people.id,
  name: people.name,
  kind: people.kind,
  state: people.state,
  email: people.email,
  displayName: people.displayName,
  createdAtMs: people.createdAtMs,
  createdBy: people.createdBy,
  lastSeenAtMs: people.lastSeenAtMs,
} satisfies Record<keyof UserRecord, unknown>;

/** Scopes are stored in two columns, so that the same one is there once. */
export function scopeColumns(scope: Scope): { scopeKind: Scope["kind"]; scopeName: string } {
  return { scopeKind: scope.kind, scopeName: scope.kind === "all" ? "" : scope.name };
}

export function scopeOf({ scopeKind, scopeName }: ReturnType<typeof scopeColumns>): Scope {
  return scopeKind === "all" ? { kind: "all" } : { kind: scopeKind, name: scopeName };
}
