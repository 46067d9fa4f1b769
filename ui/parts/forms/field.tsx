import type { Child, JSX } from "hono/jsx";

type Input = JSX.IntrinsicElements["input"];

interface TextFieldProps extends Omit<Input, "children" | "aria-describedby"> {
  readonly id: string;
  readonly label: string;
  /** A line below it. */
  readonly hint?: Child;
  /** What its list of suggestions has. */
  readonly children?: Child;
}

/**
 * A line of text with its label. Browsers neither complete nor correct what is typed, unless it is said: names, codes and
 * passwords are no prose. It is sent under its id where it has no other name.
 */
export function TextField({ id, label, hint, children, ...input }: TextFieldProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={id}
        autocomplete="off"
        spellcheck={false}
        {...input}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}-hint` })}
      />
      {children}
      {hint !== undefined && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

interface CheckFieldProps {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly isChecked?: boolean;
}

/** Something that is done or not: sent as `yes`, or not at all. */
export function CheckField({ name, label, hint, isChecked = false }: CheckFieldProps) {
  return (
    <label class="check-field">
      <input type="checkbox" name={name} value="yes" checked={isChecked} />
      <span>
        {label}
        {hint !== undefined && <span class="hint">{hint}</span>}
      </span>
    </label>
  );
}

/** Whether a form of `CheckField` says so. */
export const isChecked = (form: FormData, name: string): boolean => form.get(name) === "yes";
