import { AUDIT_OUTCOMES } from "../../../contract/audit/entry.ts";
import { auditActions } from "../../../contract/audit/line.ts";
import type { AuditConditions } from "../../../engine/control/audit/reader.ts";
import { Choice, SINCE } from "../forms/choice.tsx";
import { Icon } from "../icons.tsx";

/** `run.*` and all that begin so, and each action by itself. */
function actionOptions() {
  const groups = [...Map.groupBy(auditActions(), (action) => action.split(".")[0] ?? "")];
  return [
    { value: "", label: "Everything" },
    ...groups.flatMap(([group, actions]) => [
      ...(actions.length > 1 ? [{ value: `${group}*`, label: `${group}: all` }] : []),
      ...actions.map((action) => ({ value: action, label: action })),
    ]),
  ];
}

/** Looks for lines. It is sent by GET: what was found has an address. */
export function AuditForm({ values }: { readonly values: AuditConditions }) {
  return (
    <form class="log-search" method="get" action="/audit" role="search" aria-label="Search the audit log">
      <div class="search">
        <Icon name="search" />
        <input
          type="search"
          name="text"
          value={values.text ?? ""}
          placeholder="Any text"
          aria-label="Any text"
          maxlength={200}
        />
      </div>
      <Choice name="action" label="What" options={actionOptions()} chosen={values.action ?? ""} />
      <input name="actor" value={values.actor ?? ""} placeholder="Who" aria-label="Who" maxlength={200} />
      <input
        name="pipeline"
        value={values.pipeline ?? ""}
        placeholder="Pipeline"
        aria-label="Pipeline"
        maxlength={200}
      />
      <Choice
        name="outcome"
        label="Outcome"
        options={[
          { value: "", label: "Any outcome" },
          ...AUDIT_OUTCOMES.map((value) => ({ value, label: value })),
        ]}
        chosen={values.outcome ?? ""}
      />
      <Choice name="since" label="Since" options={SINCE} chosen={values.since ?? ""} />
      <button class="button" type="submit">Search</button>
    </form>
  );
}
