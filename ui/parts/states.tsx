import type { Run, RunState, StepState } from "../../contract/run.ts";
import { formatPlural } from "../../text/format.ts";
import { Icon } from "./icons.tsx";

export type AnyState = RunState | StepState;

/** A run that succeeded with warnings is shown as such: green alone would hide them. */
export function stateOf(run: Pick<Run, "state" | "warnings">): AnyState {
  return run.state === "succeeded" && run.warnings > 0 ? "warned" : run.state;
}

/** How many checks of severity warn found rows. */
export function Warnings({ count, href }: { count: number; href?: string }) {
  if (count === 0) return null;
  const content = (
    <>
      <Icon name="warned" />
      {count}
      <span class="sr-only">{count === 1 ? "warning" : "warnings"}</span>
    </>
  );
  const title = formatPlural(count, "warning");
  return href === undefined
    ? <span class="badge warn" title={title}>{content}</span>
    : <a class="badge warn" href={href} title={title}>{content}</a>;
}

/** A state as a sign and a word; as a pill where it is the page's subject. */
export function StateLabel({ state, pill = false }: { state: AnyState; pill?: boolean }) {
  return (
    <span class={`state state-${state}${pill ? " pill" : ""}`}>
      <Icon name={state} />
      <span>{state}</span>
    </span>
  );
}

/** The sign alone, with the word for those who do not see it. */
export function StateIcon({ state }: { state: AnyState }) {
  return (
    <span class={`state state-${state}`} title={state}>
      <Icon name={state} />
      <span class="sr-only">{state}</span>
    </span>
  );
}
