import type { GroupView } from "../../../contract/access/people.ts";
import { plainText } from "../plain_text.ts";
import { DataTable } from "../tables/data_table.tsx";
import { grantsText } from "../../../contract/access/scope.ts";

/** Groups with who is in them; by each a form that puts somebody in or takes somebody out. */
export function GroupTable({ groups }: { readonly groups: readonly GroupView[] }) {
  return (
    <DataTable label="Groups" heads={["Name", "Members", "Roles", ""]} stacks>
      {groups.map((group) => (
        <tr class="people-row">
          <th scope="row" title={group.description === null ? undefined : plainText(group.description)}>
            @{plainText(group.name)}
          </th>
          <td data-head="Members" class="about">
            {plainText(group.members.map(({ user }) => user).join(", ") || "nobody")}
          </td>
          <td data-head="Roles" class="about">{plainText(grantsText(group.grants) || "none")}</td>
          <td class="row-action">
            <form
              class="people-members"
              method="post"
              action={`/people/groups/${encodeURIComponent(group.id)}/members`}
            >
              <input
                name="user"
                list="people-users"
                required
                placeholder="user"
                aria-label={`A user to add to ${group.name} or to drop from it`}
                autocomplete="off"
                spellcheck={false}
              />
              <button class="button quiet" type="submit" name="action" value="add">Add</button>
              <button class="button quiet" type="submit" name="action" value="drop">Drop</button>
            </form>
          </td>
        </tr>
      ))}
    </DataTable>
  );
}
