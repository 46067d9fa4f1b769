import type { PipelineStep } from "../../../contract/run.ts";
import { Code } from "../source_code.tsx";
import { formatPlural } from "../../../text/format.ts";
import { Icon } from "../icons.tsx";
import { Fact } from "../facts.tsx";
import { DependsFact } from "./depends_fact.tsx";
import { Breakable, checkName, checksOf, shortStepName, stepAnchor } from "./step_names.tsx";
import { plainText } from "../plain_text.ts";

/** Each stream, model and load with its SQL; a model's checks are within it. */
export function StepList({ steps }: { steps: readonly PipelineStep[] }) {
  return (
    <div class="card rows">
      {steps.filter((step) => step.kind !== "check").map((step) => (
        <StepItem step={step} checks={checksOf(step, steps)} />
      ))}
    </div>
  );
}

function StepItem({ step, checks }: { step: PipelineStep; checks: readonly PipelineStep[] }) {
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
