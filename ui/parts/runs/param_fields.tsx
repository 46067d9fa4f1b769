import {
  isRequired,
  type ParamDefinition,
  type ParamDefinitions,
} from "../../../contract/params/definition.ts";
import { fieldName } from "./run_form.ts";

/** A field for each param of a pipeline, with its rules as far as a browser knows them. */
export function ParamFields(
  { params, values }: {
    readonly params: ParamDefinitions;
    /** What was typed before. */
    readonly values?: Readonly<Record<string, string>>;
  },
) {
  return (
    <>
      {Object.entries(params).map(([name, param]) => (
        <ParamField name={name} param={param} value={values?.[name]} />
      ))}
    </>
  );
}

interface ParamFieldProps {
  readonly name: string;
  readonly param: ParamDefinition;
  readonly value: string | undefined;
}

function ParamField({ name, param, value }: ParamFieldProps) {
  const id = `param-${name}`;
  const isNeeded = isRequired(param);
  const shown = value ?? (param.default === undefined || param.default === null ? "" : String(param.default));
  const choices = param.type === "boolean" ? ["true", "false"] : param.enum?.map(String);
  const hint = [param.description ?? "", ruleText(param)].filter((text) => text !== "").join(" ");
  const common = {
    id,
    name: fieldName(name),
    required: isNeeded,
    ...(hint === "" ? {} : { "aria-describedby": `${id}-hint` }),
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
            {(!isNeeded || !choices.includes(shown)) && param.default === undefined && (
              <option value="">{isNeeded ? "choose" : "none"}</option>
            )}
            {param.default === null && <option value="">none</option>}
            {choices.map((choice) => <option value={choice} selected={choice === shown}>{choice}</option>)}
          </select>
        )}
      {hint !== "" && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

/** What a value has to be, where the field itself does not offer it. */
function ruleText({ min, max, pattern, enum: options }: ParamDefinition): string {
  if (options !== undefined) return "";
  const range = min !== undefined && max !== undefined
    ? `From ${min} to ${max}.`
    : min !== undefined
    ? `At least ${min}.`
    : max !== undefined
    ? `At most ${max}.`
    : "";
  return [range, pattern === undefined ? "" : `Has to match ${pattern}.`].filter((text) => text !== "").join(
    " ",
  );
}

function inputKind(param: ParamDefinition): Record<string, string> {
  const range = {
    ...(param.min === undefined ? {} : { min: String(param.min) }),
    ...(param.max === undefined ? {} : { max: String(param.max) }),
  };
  switch (param.type) {
    case "integer":
      return { type: "text", inputmode: "numeric", pattern: "[+\\-]?[0-9]+" };
    case "number":
      return { type: "number", step: "any", ...range };
    case "date":
      return { type: "date", ...range };
    case "timestamp":
      return { type: "text", placeholder: "2026-01-31T10:00:00Z" };
    default:
      return { type: "text", ...(param.pattern === undefined ? {} : { pattern: param.pattern }) };
  }
}
