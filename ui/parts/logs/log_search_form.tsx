import { LOG_LEVELS } from "../../../contract/run.ts";
import { MAX_SEARCH_TEXT } from "../../../contract/runs/log_search.ts";
import { Choice, type ChoiceOption, SINCE } from "../forms/choice.tsx";
import { Icon } from "../icons.tsx";
import { plainText } from "../plain_text.ts";

/** What is looked for, as it was typed. */
export interface LogSearchValues {
  readonly search?: string;
  readonly level?: (typeof LOG_LEVELS)[number];
  readonly step?: string;
  readonly pipeline?: string;
  readonly since?: string;
}

interface FormProps {
  readonly action: string;
  readonly values: LogSearchValues;
  /** To choose from; the field is left out where they are not given. */
  readonly steps?: readonly string[];
  readonly pipelines?: readonly string[];
  readonly withSince?: boolean;
}

const LEVELS: readonly ChoiceOption[] = [
  { value: "", label: "No debug lines" },
  { value: "debug", label: "All lines" },
  { value: "warn", label: "Warnings and errors" },
  { value: "error", label: "Errors" },
];

/** Looks for lines of logs. It is sent by GET: what was found has an address. */
export function LogSearchForm({ action, values, steps, pipelines, withSince = false }: FormProps) {
  return (
    <form class="log-search" method="get" action={action} role="search" aria-label="Search the log">
      <div class="search">
        <Icon name="search" />
        <input
          type="search"
          name="search"
          value={values.search ?? ""}
          placeholder="Text of a line"
          aria-label="Text of a line"
          maxlength={MAX_SEARCH_TEXT}
        />
      </div>
      <Choice name="level" label="Level" options={LEVELS} chosen={values.level ?? ""} />
      {steps !== undefined && (
        <Choice name="step" label="Step" options={named("All steps", steps)} chosen={values.step ?? ""} />
      )}
      {pipelines !== undefined && (
        <Choice
          name="pipeline"
          label="Pipeline"
          options={named("All pipelines", pipelines)}
          chosen={values.pipeline ?? ""}
        />
      )}
      {withSince && <Choice name="since" label="Since" options={SINCE} chosen={values.since ?? ""} />}
      <button class="button" type="submit">Search</button>
    </form>
  );
}

function named(all: string, names: readonly string[]): ChoiceOption[] {
  return [{ value: "", label: all }, ...names.map((name) => ({ value: name, label: plainText(name) }))];
}

/** Of an address; a level that is none is left out. */
export function readLogSearch(query: (name: string) => string | undefined): LogSearchValues {
  const level = LOG_LEVELS.find((known) => known === query("level"));
  const found: Record<string, string> = {};
  for (const name of ["search", "step", "pipeline", "since"]) {
    const value = query(name)?.trim();
    if (value) found[name] = value;
  }
  return { ...found, ...(level === undefined ? {} : { level }) };
}

/** Lines for debugging are shown to who asks for them. */
export function shownLevel(values: LogSearchValues): LogSearchValues {
  return { level: "info", ...values };
}
