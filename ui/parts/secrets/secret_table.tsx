import type { SecretView } from "../../../contract/keys/views.ts";
import { plainText } from "../plain_text.ts";
import { DataTable } from "../tables/data_table.tsx";
import { Ago } from "../times.tsx";

/** Secrets by name, with what refers to them; one in use cannot be deleted here. */
export function SecretTable(
  { secrets, nowMs }: { readonly secrets: readonly SecretView[]; readonly nowMs: number },
) {
  return (
    <DataTable label="Secrets" heads={["Name", "Set", "Used by", ""]} stacks>
      {secrets.map((secret) => (
        <tr class="secret-row">
          <th scope="row">{plainText(secret.name)}</th>
          <td data-head="Set">
            <Ago at={secret.changed_at} nowMs={nowMs} /> by {plainText(secret.changed_by ?? "the server")}
          </td>
          <td data-head="Used by" class="about">
            {plainText(secret.used_by.join(", ") || "nothing")}
          </td>
          <td class="row-action">
            <form class="action" method="post" action="/secrets/delete">
              <input type="hidden" name="name" value={secret.name} />
              <button class="button quiet" type="submit" aria-label={`Delete the secret ${secret.name}`}>
                Delete
              </button>
            </form>
          </td>
        </tr>
      ))}
    </DataTable>
  );
}
