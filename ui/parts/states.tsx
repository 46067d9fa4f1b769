import type { Child } from "hono/jsx";
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
  return (
    <Badge kind="warn" href={href} title={formatPlural(count, "warning")}>
      {count}
      <span class="sr-only">{count === 1 ? "warning" : "warnings"}</span>
    </Badge>
  );
}

interface BadgeProps {
  readonly kind: "warn" | "bad";
  /** Where it leads to. */
  readonly href?: string | undefined;
  readonly title?: string | undefined;
  readonly children: Child;
}

/** What has to be looked at, as a sign and a few words. */
export function Badge({ kind, href, title, children }: BadgeProps) {
  const content = (
    <>
      <Icon name="warned" />
      {children}
    </>
  );
  return href === undefined
    ? <span class={`badge ${kind}`} title={title}>{content}</span>
    : <a class={`badge ${kind}`} href={href} title={title}>{content}</a>;
}

interface StateLabelProps {
  readonly state: AnyState;
  /** Its own name by default. */
  readonly word?: string;
  readonly pill?: boolean;
}

/** A state as a sign and a word; as a pill where it is the page's subject. */
export function StateLabel({ state, word = state, pill = false }: StateLabelProps) {
  return (
    <span class={`state state-${state}${pill ? " pill" : ""}`}>
      <Icon name={state} />
      <span>{word}</span>
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
