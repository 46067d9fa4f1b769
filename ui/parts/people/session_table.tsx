import type { SessionView } from "../../../contract/access/people.ts";
import { ActionForm } from "../action_form.tsx";
import { plainText } from "../plain_text.ts";
import { DataTable } from "../tables/data_table.tsx";
import { Ago } from "../times.tsx";

/** Who has signed in. */
export function SessionTable(
  { sessions, nowMs, path = "/people/sessions" }: {
    readonly sessions: readonly SessionView[];
    readonly nowMs: number;
    /** Where they are ended. */
    readonly path?: string;
  },
) {
  return (
    <DataTable label="Sessions" heads={["User", "From", "Begun", "Last used", ""]} stacks>
      {sessions.map((session) => (
        <tr class="people-row">
          <th scope="row">{plainText(session.user)}</th>
          <td
            data-head="From"
            class="about"
            title={session.agent === null ? undefined : plainText(session.agent)}
          >
            {session.address ?? "unknown"}
            {session.is_current && " (this one)"}
          </td>
          <td data-head="Begun">
            <Ago at={session.created_at} nowMs={nowMs} />, by {session.method}
          </td>
          <td data-head="Last used">
            <Ago at={session.last_seen_at} nowMs={nowMs} />
          </td>
          <td class="row-action">
            <ActionForm
              action={`${path}/${encodeURIComponent(session.id)}/end`}
              icon="leave"
              kind="quiet"
              label="End"
              title={`End this session of ${session.user}`}
            />
          </td>
        </tr>
      ))}
    </DataTable>
  );
}
