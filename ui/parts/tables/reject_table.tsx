import { loadName } from "../../../contract/loads/verification.ts";
import type { StreamRejects } from "../../../contract/rejects.ts";
import { formatCount, formatPlural } from "../../../text/format.ts";
import { ActionForm } from "../action_form.tsx";
import { plainText } from "../plain_text.ts";
import { RunLink } from "../runs/run_link.tsx";
import { DataTable } from "./data_table.tsx";

interface RejectSectionProps {
  readonly rejects: StreamRejects;
  /** Where their forms post to. */
  readonly path: string;
  readonly mayChange: boolean;
  /** What became of them just now. */
  readonly told: string | undefined;
}

/** Rows that did not fit a stream, or that a load's target rejected, with reasons, and what can be done about them. */
export function RejectSection({ rejects: found, path, mayChange, told }: RejectSectionProps) {
  const { stream, count, rejects } = found;
  const isLoad = stream.startsWith("load:");
  const isChosen = isLoad && mayChange;
  const id = isLoad ? `rejects-${loadName(stream)}` : "rejects";
  const title = isLoad ? `Rows that ${loadName(stream)} rejected` : "Rows that did not fit";
  return (
    <section aria-labelledby={`${id}-title`} id={id}>
      <div class="section-head">
        <h2 id={`${id}-title`}>
          {plainText(title)} <span class="count">{formatCount(count)}</span>
        </h2>
        {mayChange && count > 0 && (
          <div class="actions">
            <ActionForm
              action={`${path}/replay`}
              icon="retry"
              label={isLoad ? "Send again" : "Replay"}
              title={isLoad ? "Send the rejected rows again" : "Replay the rejects"}
            />
            <ActionForm
              action={`${path}/drop`}
              icon="cancelled"
              label="Drop"
              kind="danger"
              title="Drop the rejects"
            />
          </div>
        )}
      </div>
      {told !== undefined && <p role="status">{plainText(told)}</p>}
      {rejects.length > 0 && (
        <DataTable
          label={title}
          heads={["Where", "Reason", "Row", "Run", ...isChosen ? ["Actions"] : []]}
          stacks
        >
          {rejects.map(({ position, reason, row, run, tries }) => (
            <tr class="reject-row">
              <td data-head="Where">{position === null ? "" : plainText(position)}</td>
              <td class="about" data-head="Reason">
                {plainText(reason)}
                {tries > 0 && <span class="muted">· sent again {formatPlural(tries, "time")}</span>}
              </td>
              <td data-head="Row" title={row !== null && row.length > 40 ? plainText(row) : undefined}>
                {row === null ? <span class="null">not kept</span> : plainText(row)}
              </td>
              <td data-head="Run">
                <RunLink id={run} />
              </td>
              {isChosen && (
                <td data-head="Actions">
                  {position !== null && (
                    <ActionForm
                      action={`${path}/replay?position=${encodeURIComponent(position)}`}
                      icon="retry"
                      label="Send again"
                      kind="quiet"
                      title={`Send ${position} again`}
                    />
                  )}
                </td>
              )}
            </tr>
          ))}
        </DataTable>
      )}
      {count > rejects.length && (
        <p class="muted">{formatPlural(count - rejects.length, "more reject")} in _sluice.rejects</p>
      )}
    </section>
  );
}
