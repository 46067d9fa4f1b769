import { isRequired, type ParamDefinitions } from "../../../contract/params/definition.ts";
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
