import type { Delivery } from "../../../contract/alerts/problem.ts";
import { formatCount, formatPlural } from "../../../text/format.ts";
import { formatUtc } from "../format.ts";
import { plainText } from "../plain_text.ts";
import { DataTable } from "../tables/data_table.tsx";
import { Ago } from "../times.tsx";

/** What was sent to whom, and how that went. */
export function DeliveryTable({ deliveries, nowMs }: { deliveries: readonly Delivery[]; nowMs: number }) {
  return (
    <DataTable
      label="Last messages"
      heads={["When", "Notifier", "State", { number: "Tries" }, "Message"]}
      stacks
    >
      {deliveries.map((delivery) => (
        <tr class="alert-row">
          <th scope="row">
            <Ago at={delivery.created_at} nowMs={nowMs} />
          </th>
          <td data-head="Notifier" class="about">{plainText(delivery.notifier)}</td>
          <td data-head="State" class="about">{stateWords(delivery)}</td>
          <td data-head="Tries" class="number">{formatCount(delivery.attempt)}</td>
          <td data-head="Message" class="about alert-last">
            {plainText(delivery.title ?? formatPlural(delivery.event_count, "event"))}
            {delivery.error !== null && <span class="alert-note">{plainText(delivery.error)}</span>}
          </td>
        </tr>
      ))}
    </DataTable>
  );
}

function stateWords({ state, attempt, not_before }: Delivery): string {
  if (state !== "waiting" || not_before === null) return state;
  return attempt === 0 ? "gathers events" : `next try ${formatUtc(not_before)}`;
}
