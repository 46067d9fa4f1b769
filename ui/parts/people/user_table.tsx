import type { UserView } from "../../../contract/access/people.ts";
import { FACTOR_NAMES } from "../../../contract/access/factors.ts";
import { isServersUser as isServers } from "../../../contract/names.ts";
import { ActionForm } from "../action_form.tsx";
import { Icon } from "../icons.tsx";
import { plainText } from "../plain_text.ts";
import { DataTable } from "../tables/data_table.tsx";
import { Ago } from "../times.tsx";
import { grantsText } from "../../../contract/access/scope.ts";

/** Who there is, and what each may. */
export function UserTable({ users, nowMs }: { readonly users: readonly UserView[]; readonly nowMs: number }) {
  return (
    <DataTable label="Users" heads={["Name", "Kind", "Roles", "Groups", "Factors", "Last seen", ""]} stacks>
      {users.map((user) => (
        <tr class="people-row">
          <th scope="row" title={user.email ?? undefined}>
            {plainText(user.display_name ?? user.name)}
            {user.display_name !== null && <span class="muted">{plainText(user.name)}</span>}
          </th>
          <td data-head="Kind" title={identitiesOf(user)}>
            {user.state === "active" ? user.kind : `${user.kind}, ${user.state}`}
            {user.identities.length > 0 && (
              <span class="muted">{user.kind === "person" ? "single sign-on" : "by its platform"}</span>
            )}
          </td>
          <td data-head="Roles" class="about">{plainText(grantsText(user.grants) || "none")}</td>
          <td data-head="Groups" class="about">{plainText(user.groups.join(", ") || "none")}</td>
          <td data-head="Factors">{user.factors.map((kind) => FACTOR_NAMES[kind]).join(", ") || "none"}</td>
          <td data-head="Last seen">
            {user.last_seen_at === null ? "never" : <Ago at={user.last_seen_at} nowMs={nowMs} />}
          </td>
          <td class="row-action">
            <div class="people-members">
              {user.kind === "person" && !isServers(user.name) && (
                <a
                  class="button quiet"
                  href={`/people/users/${encodeURIComponent(user.id)}/password`}
                  aria-label={`Set the password of ${plainText(user.name)}`}
                >
                  <Icon name="lock" />
                  <span>Password</span>
                </a>
              )}
              {user.factors.length > 0 && (
                <ActionForm
                  action={`/people/users/${encodeURIComponent(user.id)}/factors`}
                  icon="retry"
                  kind="quiet"
                  label="Reset factors"
                  title={`Take the second factors of ${user.name} away`}
                />
              )}
              {isServers(user.name) ? null : user.state === "disabled"
                ? (
                  <ActionForm
                    action={`/people/users/${encodeURIComponent(user.id)}/enable`}
                    icon="play"
                    kind="quiet"
                    label="Enable"
                    title={`Let ${user.name} in again`}
                  />
                )
                : (
                  <ActionForm
                    action={`/people/users/${encodeURIComponent(user.id)}/disable`}
                    icon="pause"
                    kind="quiet"
                    label="Disable"
                    title={`Let ${user.name} in no more`}
                  />
                )}
            </div>
          </td>
        </tr>
      ))}
    </DataTable>
  );
}

/** Who it is at identity providers. */
const identitiesOf = ({ identities }: UserView): string | undefined =>
  identities.map(({ issuer, subject }) => plainText(`${subject} of ${issuer}`)).join(", ") || undefined;
