import { isRequired, type ParamDefinitions } from "../../../contract/params/definition.ts";
import { CheckField, TextField } from "../forms/field.tsx";
import { Icon } from "../icons.tsx";
import { ParamFields } from "./param_fields.tsx";
import type { RunFormValues } from "./run_form.ts";

export interface RunFormView {
  readonly pipeline: string;
  readonly params: ParamDefinitions;
  /** What was typed before, where the run could not be started. */
  readonly values?: RunFormValues;
}

/** Starts a run: at once with the defaults where every param has one, or with what the panel asks for. */
export function RunForm({ pipeline, params, values }: RunFormView) {
  const action = `/pipelines/${encodeURIComponent(pipeline)}/runs`;
  const needsValues = Object.values(params).some(isRequired);
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
          <ParamFields params={params} {...(values === undefined ? {} : { values: values.params })} />
          <TextField
            id="run-select"
            name="select"
            label="Steps"
            value={values?.select ?? ""}
            placeholder="all"
            hint={
              <>
                A selection such as <code>+daily</code> or <code>tag:core</code>.
              </>
            }
          />
          <CheckField
            name="full_refresh"
            label="Full refresh"
            hint="Rebuilds incremental streams and models from nothing."
            isChecked={values?.fullRefresh ?? false}
          />
          <button class="button primary" type="submit">
            <Icon name="play" />
            <span>Start run</span>
          </button>
        </form>
      </details>
    </div>
  );
}
