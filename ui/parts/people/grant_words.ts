import { type Scope, scopeText } from "../../../contract/access/scope.ts";

/** `viewer, engineer (tag sales)`: grants in one line. */
export function grantWords(grants: readonly { readonly role: string; readonly scope: Scope }[]): string {
  return grants.map(({ role, scope }) => scope.kind === "all" ? role : `${role} (${scopeText(scope)})`)
    .join(", ");
}
