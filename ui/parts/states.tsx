import type { RunState, StepState } from "../../contract/run.ts";
import { Icon } from "./icons.tsx";

type AnyState = RunState | StepState;

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
