import { formsOf } from "./secret_forms.ts";

const REDACTED = "[redacted]";

/** Takes secrets out of texts: those that it was told of so far. */
export class Redactor {
  readonly #values = new Set<string>();
  readonly #forms = new Set<string>();
  #pattern: RegExp | undefined;

  constructor(values: Iterable<string> = []) {
    this.learn(values);
  }

  /** From now on these values are taken out too, in every form that a message may show them in. */
  learn(values: Iterable<string>): void {
    for (const value of values) {
      if (this.#values.has(value)) continue;
      this.#values.add(value);
      for (const form of formsOf(value)) this.#forms.add(form);
      this.#pattern = undefined;
    }
  }

  /** A bound function: it may be handed on by itself. */
  readonly redact = (text: string): string => {
    if (this.#forms.size === 0) return text;
    this.#pattern ??= patternOf(this.#forms);
    return text.replace(this.#pattern, REDACTED);
  };
}

function patternOf(forms: Iterable<string>): RegExp {
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g");
}
