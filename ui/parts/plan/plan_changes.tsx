import type { ModelChange, PartChange, PipelinePlan } from "../../../contract/plan/plan.ts";
import { columnText, keyText, MARKS } from "../../../server/cli/plan/plan_words.ts";
import { formatPlural } from "../../../text/format.ts";
import { shortRevision } from "../format.ts";
import { plainText } from "../plain_text.ts";
import { Badge } from "../states.tsx";
import { DataTable } from "../tables/data_table.tsx";

interface PlanChangesProps {
  readonly plan: PipelinePlan;
  /** The revision that it was compared with. */
  readonly against: string | null;
}

/** What a change of a pipeline does to its models, columns, streams and loads. */
export function PlanChanges({ plan, against }: PlanChangesProps) {
  const { models, settings, connectors, streams, scripts, loads, pipeline } = plan;
  const parts = [
    ...settings.map((part) => ({ kind: "setting", part })),
    ...connectors.map((part) => ({ kind: "connector", part })),
    ...streams.map((part) => ({ kind: "stream", part })),
    ...scripts.map((part) => ({ kind: "script", part })),
    ...loads.map((part) => ({ kind: "load", part })),
  ];
  return (
    <>
      {models.length > 0 && (
        <section aria-labelledby="plan-models">
          <h2 id="plan-models">
            Models <span class="count">{models.length}</span>{" "}
            {plan.breaking && <Badge kind="bad">breaking</Badge>}
          </h2>
          <DataTable label="Models that change" heads={["Model", "Change", "Columns", "Why"]} stacks>
            {models.map((model) => <ModelRow model={model} />)}
          </DataTable>
          <p class="more muted">
            {against === null
              ? `${formatPlural(models.length, "model is", "models are")} there for the first time.`
              : (
                <>
                  Rows were not compared here.{" "}
                  <code>sluice plan {pipeline} --against {shortRevision(against)}</code>{" "}
                  compares those of a project's files with this revision's.
                </>
              )}
          </p>
        </section>
      )}
      {parts.length > 0 && (
        <section aria-labelledby="plan-parts">
          <h2 id="plan-parts">
            Definition <span class="count">{parts.length}</span>
          </h2>
          <DataTable label="Changes of the definition" heads={["Part", "Change", "What"]} stacks>
            {parts.map(({ kind, part }) => <PartRow kind={kind} part={part} />)}
          </DataTable>
        </section>
      )}
    </>
  );
}

function ModelRow({ model }: { readonly model: ModelChange }) {
  const { model: name, change, columns, breaking, why, rebuild } = model;
  return (
    <tr>
      <th scope="row">{plainText(name)}</th>
      <td data-head="Change">
        {MARKS[change]} {change} {breaking.length > 0 && <Badge kind="bad">breaking</Badge>}
      </td>
      <td data-head="Columns">
        {columns === null
          ? <span class="muted">not known</span>
          : columns.map((column) => <div>{plainText(columnText(column))}</div>)}
      </td>
      <td class="about" data-head="Why">
        {plainText(why.join(", "))}
        {breaking.map((text) => <div>breaking: {plainText(text)}</div>)}
        {rebuild !== null && <div class="muted">{plainText(rebuild.text)}</div>}
      </td>
    </tr>
  );
}

function PartRow({ kind, part }: { readonly kind: string; readonly part: PartChange }) {
  const { name, change, keys } = part;
  return (
    <tr>
      <th scope="row">
        {plainText(name)} <span class="muted">{kind}</span>
      </th>
      <td data-head="Change">
        {MARKS[change]} {change}
      </td>
      <td class="about" data-head="What">{keys.map((key) => <div>{plainText(keyText(key))}</div>)}</td>
    </tr>
  );
}
