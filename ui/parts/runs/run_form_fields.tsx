import type { ParamDefinition } from "../../../contract/pipeline/pipeline.ts";
import { Icon } from "../icons.tsx";
import { fieldName, type RunFormValues } from "./run_form.ts";

export interface RunFormView {
  readonly pipeline: string;
  readonly params: Readonly<Record<string, ParamDefinition>>;
  /** What was typed before, where the run could not be started. */
  readonly values?: RunFormValues;
}

/** Starts a run: at once with the defaults where every param has one, or with what the panel asks for. */
export function RunForm({ pipeline, params, values }: RunFormView) {
  const action = `/pipelines/${encodeURIComponent(pipeline)}/runs`;
  const needsValues = Object.values(params).some((param) => param.default === undefined);
  return (
    <div class="button-group">
      {!needsValues && (
        <form method="post" action={action}>
          <button class="button primary" type="submit">
            <Icon name="play" />
            <span>Run now</span>
          </button>
        </form>
      )}
      <details class="menu" open={values !== undefined}>
        <summary class="button primary" aria-label="Run with other settings">
          {needsValues && <span>Run with …</span>}
          <Icon name="chevron" />
        </summary>
        <form class="panel" method="post" action={action}>
          {Object.entries(params).map(([name, param]) => (
            <ParamField name={name} param={param} value={values?.params[name]} />
          ))}
          <div class="field">
            <label for="run-select">Steps</label>
            <input
              id="run-select"
              name="select"
              value={values?.select ?? ""}
              placeholder="all"
              autocomplete="off"
              spellcheck={false}
              aria-describedby="run-select-hint"
            />
            <p class="hint" id="run-select-hint">
              A selection such as <code>+daily</code> or <code>tag:core</code>.
            </p>
          </div>
          <label class="check-field">
            <input type="checkbox" name="full_refresh" value="yes" checked={values?.fullRefresh ?? false} />
            <span>
              Full refresh
              <span class="hint">Rebuilds incremental streams and models from nothing.</span>
            </span>
          </label>
          <button class="button primary" type="submit">
            <Icon name="play" />
            <span>Start run</span>
          </button>
        </form>
      </details>
    </div>
  );
}

interface ParamFieldProps {
  readonly name: string;
  readonly param: ParamDefinition;
  readonly value: string | undefined;
}

function ParamField({ name, param, value }: ParamFieldProps) {
  const id = `param-${name}`;
  const shown = value ?? (param.default === undefined || param.default === null ? "" : String(param.default));
  const choices = param.type === "boolean" ? ["true", "false"] : param.enum?.map(String);
  const common = {
    id,
    name: fieldName(name),
    required: param.default === undefined,
    ...(param.description === undefined ? {} : { "aria-describedby": `${id}-hint` }),
  };
  return (
    <div class="field">
      <label for={id}>
        {name} <span class="muted">{param.type}</span>
      </label>
      {choices === undefined
        ? <input {...common} {...inputKind(param)} value={shown} autocomplete="off" spellcheck={false} />
        : (
          <select {...common}>
            {!choices.includes(shown) && (
              <option value="">{param.default === undefined ? "choose" : "default"}</option>
            )}
            {choices.map((choice) => <option value={choice} selected={choice === shown}>{choice}</option>)}
          </select>
        )}
      {param.description !== undefined && <p class="hint" id={`${id}-hint`}>{param.description}</p>}
    </div>
  );
}

function inputKind(param: ParamDefinition): Record<string, string> {
  switch (param.type) {
    case "integer":
      return { type: "text", inputmode: "numeric", pattern: "[+\\-]?[0-9]+" };
    case "number":
      return { type: "number", step: "any" };
    case "date":
      return { type: "date" };
    case "timestamp":
      return { type: "text", placeholder: "2026-01-31T10:00:00Z" };
    default:
      return { type: "text" };
  }
}
