/** Names of steps, `kind:name`, as the pages show and link them. */

/** `model:daily` as `daily`. */
export function shortStepName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

/** The id of the place on the page where the step is described. */
export function stepAnchor(name: string): string {
  return `step-${encodeURIComponent(name)}`;
}

/** `check:daily.not_null_day` is check `not_null_day` of model `daily`. */
export function checkName(name: string): { readonly model: string; readonly check: string } {
  const short = shortStepName(name);
  const first = short.indexOf(".");
  // Of a stream: raw.orders.fresh.
  const second = short.startsWith("raw.") ? short.indexOf(".", first + 1) : -1;
  const dot = second < 0 ? first : second;
  return dot < 0
    ? { model: short, check: short }
    : { model: short.slice(0, dot), check: short.slice(dot + 1) };
}

interface Named {
  readonly name: string;
  readonly kind: string;
}

/** The checks of a model, from all steps; none for any other step. */
export function checksOf<S extends Named>(step: Named, steps: readonly S[]): S[] {
  if (step.kind !== "model" && step.kind !== "extract") return [];
  const model = `${step.kind === "extract" ? "raw." : ""}${shortStepName(step.name)}`;
  return steps.filter((other) => other.kind === "check" && checkName(other.name).model === model);
}

/** A long name that may be broken behind `_`, `.`, `-`, `/` and `→` first. */
export function Breakable({ text }: { text: string }) {
  return (
    <span>
      {text.split(/(?<=[_.→/-])/).map((part, index) =>
        index === 0 ? part : (
          <>
            <wbr />
            {part}
          </>
        )
      )}
    </span>
  );
}
