import type { Child } from "hono/jsx";
import type { PipelineStep } from "../../../contract/run.ts";
import type { Table } from "../../../contract/table.ts";
import { ColumnLine, TableFacts } from "../tables/table_facts.tsx";
import { Code } from "../code/source_code.tsx";
import { formatPlural } from "../../../text/format.ts";
import { fitting } from "./fitting.ts";
import { Icon } from "../icons.tsx";
import { Fact } from "../facts.tsx";
import { DependsFact } from "./depends_fact.tsx";
import { Breakable, checkName, checksOf, shortStepName, stepAnchor } from "./step_names.tsx";
import { plainText } from "../plain_text.ts";

export interface StepListView {
  readonly pipeline: string;
  readonly steps: readonly PipelineStep[];
  /** What the steps write. */
  readonly tables: readonly Table[];
  readonly nowMs: number;
  /** Those with this in their name; all where it is empty. */
  readonly find: string;
}

/** Each stream, model and load with its SQL; a model's checks are within it. */
export function StepList({ pipeline, steps, tables, nowMs, find }: StepListView) {
  const { chosen, note } = fitting(steps.filter((step) => step.kind !== "check"), ({ name }) => name, find);
  return (
    <>
      {note !== "" && <p class="shown-note">{formatPlural(steps.length, "step")}{note}</p>}
      <div class="card rows">
        {chosen.map((step) => (
          <StepItem step={step} checks={checksOf(step, steps)}>
            {tables.filter((table) => table.step === step.name).map((table) => (
              <TableLook pipeline={pipeline} table={table} nowMs={nowMs} />
            ))}
          </StepItem>
        ))}
      </div>
    </>
  );
}

/** What a step has written, with the way to its rows. */
function TableLook({ pipeline, table, nowMs }: { pipeline: string; table: Table; nowMs: number }) {
  const href = `/pipelines/${encodeURIComponent(pipeline)}/tables/${encodeURIComponent(table.name)}`;
  return (
    <>
      {table.description !== null && <p>{plainText(table.description)}</p>}
      <dl class="facts small">
        <TableFacts table={table} nowMs={nowMs} />
        <Fact name="Data">
          <a href={href}>Look at {table.name}</a>
        </Fact>
      </dl>
      <ColumnLine table={table} />
    </>
  );
}

interface StepItemView {
  readonly step: PipelineStep;
  readonly checks: readonly PipelineStep[];
  readonly children?: Child;
}

function StepItem({ step, checks, children }: StepItemView) {
  return (
    <details class="row" id={`row-${step.name}`}>
      <summary>
        <span class={`kind kind-${step.kind}`}>
          <Icon name={step.kind} />
          <span>{step.kind}</span>
        </span>
        <span class="row-name">
          <Breakable text={shortStepName(step.name)} />
        </span>
        <span class="row-about muted">
          {plainText(step.summary)}
          {checks.length > 0 && ` · ${formatPlural(checks.length, "check")}`}
        </span>
        <Icon name="chevron" />
      </summary>
      {/* The anchor is inside, so that a link to it opens the row. */}
      <div class="row-body" id={stepAnchor(step.name)}>
        <dl class="facts small">
          {step.file !== null && (
            <Fact name="File">
              <code>{step.file}</code>
            </Fact>
          )}
          <DependsFact depends={step.depends} />
        </dl>
        {children}
        {step.sql !== null && <Code source={step.sql} language="sql" />}
        {checks.length > 0 && (
          <ul class="check-items">
            {checks.map((check) => <CheckItem check={check} />)}
          </ul>
        )}
      </div>
    </details>
  );
}

function CheckItem({ check }: { check: PipelineStep }) {
  return (
    <li class="check" id={stepAnchor(check.name)}>
      <Icon name="check" />
      <div>
        <span class="check-name">{checkName(check.name).check}</span>
        <span class="check-rows">{plainText(check.summary)}</span>
        {check.sql !== null && (
          <details>
            <summary>SQL</summary>
            <Code source={check.sql} language="sql" />
          </details>
        )}
      </div>
    </li>
  );
}
