import type { RunDetail, Step } from "../../../contract/run.ts";
import { formatPlural } from "../../../text/format.ts";
import { Icon } from "../icons.tsx";
import { plainText } from "../plain_text.ts";
import { Code } from "../code/source_code.tsx";
import { StateIcon } from "../states.tsx";
import { checkName, stepAnchor } from "./step_names.tsx";

interface CheckGroup {
  readonly model: string;
  readonly checks: readonly Step[];
}

/** The checks of each model: what did not pass first, the rest folded away. */
export function CheckList({ run, mayLook }: { run: RunDetail; mayLook: boolean }) {
  const groups = groupChecks(run.steps);
  return (
    <div class="card rows checks">
      {groups.map(({ model, checks }) => {
        const worst = worstOf(checks);
        return (
          <details class="row" id={`checks-${model}`} open={worst === "failed" || worst === "warned"}>
            <summary>
              <StateIcon state={worst} />
              <span class="row-name">{model}</span>
              <span class="row-about muted">{tally(checks)}</span>
              <Icon name="chevron" />
            </summary>
            <ul class="row-body check-items">
              {checks.map((check) => <CheckItem check={check} run={run.id} mayLook={mayLook} />)}
            </ul>
          </details>
        );
      })}
    </div>
  );
}

interface CheckItemView {
  readonly check: Step;
  readonly run: string;
  readonly mayLook: boolean;
}

function CheckItem({ check, run, mayLook }: CheckItemView) {
  const { model, check: name } = checkName(check.name);
  return (
    <li class={`check check-${check.state}`} id={stepAnchor(check.name)}>
      <StateIcon state={check.state} />
      <div>
        <span class="check-name">{name}</span>
        {check.rows !== null && check.rows > 0 && (
          <span class="check-rows">
            {formatPlural(check.rows, "row")} {check.rows === 1 ? "fails" : "fail"}
          </span>
        )}
        {mayLook && check.rows !== null && check.rows > 0 && (
          <a class="small" href={`/runs/${run}/checks/${encodeURIComponent(`${model}.${name}`)}`}>
            Look at the rows
          </a>
        )}
        {check.error !== null && <p class="check-error">{plainText(check.error.message)}</p>}
        {check.sql !== null && (
          <details id={`sql-${check.name}`}>
            <summary>SQL</summary>
            <Code source={check.sql} language="sql" />
          </details>
        )}
      </div>
    </li>
  );
}

const RANK: Record<Step["state"], number> = {
  failed: 0,
  warned: 1,
  running: 2,
  cancelled: 3,
  skipped: 4,
  pending: 5,
  succeeded: 6,
};

function groupChecks(steps: readonly Step[]): CheckGroup[] {
  const byModel = Map.groupBy(
    steps.filter((step) => step.kind === "check"),
    (step) => checkName(step.name).model,
  );
  return [...byModel]
    .map(([model, checks]) => ({ model, checks: checks.toSorted((a, b) => RANK[a.state] - RANK[b.state]) }))
    .toSorted((a, b) => RANK[worstOf(a.checks)] - RANK[worstOf(b.checks)]);
}

function worstOf(checks: readonly Step[]): Step["state"] {
  return checks.reduce<Step["state"]>(
    (worst, { state }) => RANK[state] < RANK[worst] ? state : worst,
    "succeeded",
  );
}

/** `4 passed, 1 warned`. */
export function tally(checks: readonly Pick<Step, "state">[]): string {
  const words: Partial<Record<Step["state"], string>> = { succeeded: "passed" };
  const counts = Map.groupBy(checks, (check) => check.state);
  return [...counts].map(([state, of]) => `${of.length} ${words[state] ?? state}`).join(", ");
}
