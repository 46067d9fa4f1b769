import type { NotifierView } from "../../../contract/alerts/problem.ts";
import { formatPlural } from "../../../text/format.ts";
import { ActionForm } from "../action_form.tsx";
import { plainText } from "../plain_text.ts";
import { DataTable } from "../tables/data_table.tsx";
import { Ago } from "../times.tsx";

interface NotifierTableProps {
  readonly notifiers: readonly NotifierView[];
  readonly nowMs: number;
  readonly mayTest: boolean;
}

/** Where messages go, and whether they arrive. */
export function NotifierTable({ notifiers, nowMs, mayTest }: NotifierTableProps) {
  const heads = ["Name", "Type", "Told by", "Last message", ...(mayTest ? [""] : [])];
  return (
    <DataTable label="Notifiers" heads={heads} stacks>
      {notifiers.map(({ name, type, description, pipelines, last }) => (
        <tr class="alert-row">
          <th scope="row">{plainText(name)}</th>
          <td data-head="Type" class="about">
            {type}
            {description !== null && `: ${plainText(description)}`}
          </td>
          <td data-head="Told by" class="about" title={plainText(pipelines.join(", "))}>
            {formatPlural(pipelines.length, "pipeline")}
          </td>
          <td data-head="Last message" class="about alert-last">
            {last === null ? "none yet" : (
              <>
                {last.state} <Ago at={last.ended_at ?? last.created_at} nowMs={nowMs} />
                {last.error !== null && `: ${plainText(last.error)}`}
              </>
            )}
          </td>
          {mayTest && (
            <td class="row-action">
              <ActionForm
                action={`/notifiers/${encodeURIComponent(name)}/test`}
                icon="play"
                kind="quiet"
                label="Test"
                title={`Send a test by ${name}`}
              />
            </td>
          )}
        </tr>
      ))}
    </DataTable>
  );
}
