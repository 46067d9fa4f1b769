import { AUDIT_OUTCOMES } from "../../../contract/audit/entry.ts";
import { auditActions } from "../../../contract/audit/line.ts";
import type { AuditConditions } from "../../../engine/control/audit/reader.ts";
import { Icon } from "../icons.tsx";
import { plainText } from "../plain_text.ts";

const SINCE = [
  { value: "", label: "All that is kept" },
  { value: "1h", label: "The last hour" },
  { value: "1d", label: "The last day" },
  { value: "7d", label: "The last 7 days" },
  { value: "30d", label: "The last 30 days" },
];

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

function Choice({ name, label, options, chosen }: {
  readonly name: string;
  readonly label: string;
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly chosen: string;
}) {
  // What came by an address and is in no list stays what it is.
  const all = options.some(({ value }) => value === chosen)
    ? options
    : [...options, { value: chosen, label: plainText(chosen) }];
  return (
    <select name={name} aria-label={label}>
      {all.map(({ value, label }) => <option value={value} selected={value === chosen}>{label}</option>)}
    </select>
  );
}
