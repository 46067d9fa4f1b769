import type { GrantView } from "../../../contract/access/people.ts";
import { isServersUser } from "../../../contract/names.ts";
import { scopeText } from "../../../contract/access/scope.ts";
import { Icon } from "../icons.tsx";
import { plainText } from "../plain_text.ts";
import { DataTable } from "../tables/data_table.tsx";
import { Ago } from "../times.tsx";

/** Who has which role over what. */
export function GrantTable(
  { grants, nowMs }: { readonly grants: readonly GrantView[]; readonly nowMs: number },
) {
  return (
    <DataTable label="Grants" heads={["Who", "Role", "Over", "Since", ""]} stacks>
      {grants.map(({ holder, role, scope, created_at, created_by }) => (
        <tr class="people-row">
          <th scope="row">{plainText(holder)}</th>
          <td data-head="Role">{plainText(role)}</td>
          <td data-head="Over" class="about">{plainText(scopeText(scope))}</td>
          <td data-head="Since" title={created_by === null ? undefined : `by ${plainText(created_by)}`}>
            <Ago at={created_at} nowMs={nowMs} />
          </td>
          <td class="row-action">
            {!isServersUser(holder) && (
              <form class="action" method="post" action="/people/grants/revoke">
                <input type="hidden" name="holder" value={holder} />
                <input type="hidden" name="role" value={role} />
                <input type="hidden" name="kind" value={scope.kind} />
                <input type="hidden" name="over" value={scope.kind === "all" ? "" : scope.name} />
                <button class="button quiet" type="submit" aria-label={`Revoke ${role} of ${holder}`}>
                  <Icon name="cancelled" />
                  <span>Revoke</span>
                </button>
              </form>
            )}
          </td>
        </tr>
      ))}
    </DataTable>
  );
}
