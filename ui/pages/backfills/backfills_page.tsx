import type { Backfill } from "../../../contract/backfills/backfill.ts";
import type { ParamDefinitions } from "../../../contract/params/definition.ts";
import { formatCount, formatDuration, formatPlural } from "../../../text/format.ts";
import { ActionForm } from "../../parts/action_form.tsx";
import { Notice } from "../../parts/callouts.tsx";
import { Empty } from "../../parts/empty.tsx";
import { formatUtc } from "../../parts/format.ts";
import { Icon } from "../../parts/icons.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { plainText } from "../../parts/plain_text.ts";
import type { BackfillFormValues } from "../../parts/runs/backfill_form.ts";
import { ParamFields } from "../../parts/runs/param_fields.tsx";
import { fieldName } from "../../parts/runs/run_form.ts";
import { StateLabel } from "../../parts/states.tsx";
import { DataTable } from "../../parts/tables/data_table.tsx";
import { Ago } from "../../parts/times.tsx";

export interface BackfillsView {
  readonly frame: Frame;
  readonly pipeline: string;
  readonly params: ParamDefinitions;
  /** The newest first. */
  readonly backfills: readonly Backfill[];
  /** What was typed, with the windows that it means where it is right. */
  readonly asked?: { readonly values: BackfillFormValues; readonly windows?: readonly Span[] };
  readonly notice?: { readonly message: string; readonly detail?: string };
}

/** From here until before there, ISO 8601. */
interface Span {
  readonly start: string;
  readonly end: string;
}

/** As many windows are listed at the beginning, and as many at the end. */
const SHOWN_WINDOWS = 5;

/** The backfills of a pipeline, and the form that starts one: it shows the windows before. */
export function BackfillsPage(view: BackfillsView) {
  const { frame, pipeline, backfills, notice } = view;
  const path = `/pipelines/${encodeURIComponent(pipeline)}`;
  const isActive = backfills.some(({ state }) => state === "running");
  return (
    <Layout
      frame={frame}
      title={`Backfills of ${pipeline}`}
      section="pipelines"
      {...(isActive && view.asked === undefined ? { refreshSeconds: 3 } : {})}
    >
      <div class="page-head">
        <div class="page-title">
          <p class="crumbs">
            <a href="/">Pipelines</a> <span>/</span> <a href={path}>{pipeline}</a>
          </p>
          <h1>Backfills</h1>
          <p class="lead">A run for each window of a span of time, one after the other, behind other runs.</p>
        </div>
      </div>
      {notice !== undefined && <Notice {...notice} />}
      {frame.may("pipeline:run") && <StartSection view={view} action={`${path}/backfills`} />}
      <section aria-labelledby="backfills-title">
        <h2 id="backfills-title">Backfills</h2>
        <div id="backfills" data-live>
          {backfills.length === 0
            ? (
              <div class="card">
                <Empty title="No backfills yet">
                  <p>A backfill runs the pipeline once more for times that are past.</p>
                </Empty>
              </div>
            )
            : <BackfillTable backfills={backfills} frame={frame} />}
        </div>
      </section>
    </Layout>
  );
}

function StartSection({ view, action }: { readonly view: BackfillsView; readonly action: string }) {
  const { asked } = view;
  return (
    <section aria-labelledby="start-title">
      <h2 id="start-title">{asked?.windows === undefined ? "New backfill" : "Start this backfill?"}</h2>
      <div class="card form-card">
        {asked?.windows === undefined
          ? <AskForm view={view} action={action} />
          : <ConfirmForm values={asked.values} windows={asked.windows} action={action} />}
      </div>
    </section>
  );
}

function AskForm(
  { view: { params, asked }, action }: { readonly view: BackfillsView; readonly action: string },
) {
  const values = asked?.values;
  const text = { autocomplete: "off", spellcheck: false } as const;
  return (
    <form class="fields" method="post" action={action}>
      <div class="field">
        <label for="backfill-from">From</label>
        <input
          id="backfill-from"
          name="from"
          required
          placeholder="2026-01-01"
          value={values?.from ?? ""}
          {...text}
        />
      </div>
      <div class="field">
        <label for="backfill-to">Until before</label>
        <input
          id="backfill-to"
          name="to"
          required
          placeholder="2026-02-01"
          value={values?.to ?? ""}
          {...text}
        />
      </div>
      <div class="field">
        <label for="backfill-every">Every</label>
        <input
          id="backfill-every"
          name="every"
          required
          list="backfill-lengths"
          value={values?.every ?? "1d"}
          aria-describedby="backfill-every-hint"
          {...text}
        />
        <datalist id="backfill-lengths">
          {["1h", "6h", "1d", "1w", "1mo", "1y"].map((length) => <option value={length} />)}
        </datalist>
        <p class="hint" id="backfill-every-hint">
          How long a window is. Times are in UTC where they say no zone.
        </p>
      </div>
      <ParamFields params={params} {...(values === undefined ? {} : { values: values.params })} />
      <div class="field">
        <label for="backfill-select">Steps</label>
        <input id="backfill-select" name="select" placeholder="all" value={values?.select ?? ""} {...text} />
      </div>
      <div class="field">
        <label for="backfill-note">Note</label>
        <input
          id="backfill-note"
          name="note"
          maxlength={1_000}
          value={values?.note ?? ""}
          autocomplete="off"
        />
      </div>
      <label class="check-field">
        <input type="checkbox" name="window_only" value="yes" checked={values?.windowOnly ?? false} />
        <span>
          Window only
          <span class="hint">
            Streams go on from their cursors, in place of reading each window again by their update_key.
          </span>
        </span>
      </label>
      <button class="button primary" type="submit">
        <span>Show the windows</span>
        <Icon name="chevron" />
      </button>
    </form>
  );
}

/** The same fields, hidden, so that what was shown is what is started. */
function ConfirmForm(
  { values, windows, action }: {
    readonly values: BackfillFormValues;
    readonly windows: readonly Span[];
    readonly action: string;
  },
) {
  const { from, to, every, params, select, windowOnly, note } = values;
  const fields = Object.entries({ from, to, every, select, note }).filter(([, text]) => text !== "");
  const given = Object.entries(params).filter(([, text]) => text !== "");
  const hidden = windows.length - 2 * SHOWN_WINDOWS;
  const line = ({ start, end }: Span) => <li>{shortUtc(start)} → {shortUtc(end)}</li>;
  return (
    <>
      <p>
        <strong>{formatPlural(windows.length, "window")}</strong>, each a run
        {given.length > 0 && ` with ${given.map(([name, text]) => `${name} = ${text}`).join(", ")}`}:
      </p>
      <ol class="windows">
        {hidden > 0
          ? (
            <>
              {windows.slice(0, SHOWN_WINDOWS).map(line)}
              <li class="muted">{formatCount(hidden)} more</li>
              {windows.slice(-SHOWN_WINDOWS).map(line)}
            </>
          )
          : windows.map(line)}
      </ol>
      <div class="actions">
        {[true, false].map((starts) => (
          <form method="post" action={action}>
            {fields.map(([name, text]) => <input type="hidden" name={name} value={text} />)}
            {given.map(([name, text]) => <input type="hidden" name={fieldName(name)} value={text} />)}
            {windowOnly && <input type="hidden" name="window_only" value="yes" />}
            <input type="hidden" name="step" value={starts ? "start" : "edit"} />
            {starts
              ? (
                <button class="button primary" type="submit">
                  <Icon name="play" />
                  <span>Start {formatPlural(windows.length, "run")}</span>
                </button>
              )
              : <button class="button quiet" type="submit">Change</button>}
          </form>
        ))}
      </div>
    </>
  );
}

function BackfillTable(
  { backfills, frame }: { readonly backfills: readonly Backfill[]; readonly frame: Frame },
) {
  return (
    <DataTable
      label="Backfills"
      heads={["Span", "State", "Progress", { number: "Rows out" }, "Asked for", ""]}
      stacks
    >
      {backfills.map((one) => {
        const path = `/backfills/${encodeURIComponent(one.group)}`;
        return (
          <tr>
            <th scope="row">
              <a class="span" href={path}>{shortUtc(one.window_start)} → {shortUtc(one.window_end)}</a>
            </th>
            <td data-head="State">
              <StateLabel state={one.state} />
            </td>
            <td data-head="Progress">
              <Progress backfill={one} />
            </td>
            <td data-head="Rows out" class="number">{formatCount(one.rows_loaded)}</td>
            <td data-head="Asked for">
              <Ago at={one.created_at} nowMs={frame.nowMs} />
              {one.triggered_by !== null && <span class="muted">{` by ${plainText(one.triggered_by)}`}</span>}
            </td>
            <td>{frame.may("pipeline:run") && <BackfillActions backfill={one} path={path} />}</td>
          </tr>
        );
      })}
    </DataTable>
  );
}

/** A midnight as its date alone. */
const shortUtc = (iso: string): string => iso.endsWith("T00:00:00.000Z") ? iso.slice(0, 10) : formatUtc(iso);

function Progress({ backfill: { state, total, runs, remaining_ms } }: { readonly backfill: Backfill }) {
  const ended = total - runs.queued - runs.running;
  return (
    <>
      <progress value={ended} max={total} aria-label={`${ended} of ${total} done`} /> {formatCount(ended)} of
      {" "}
      {formatCount(total)}
      {runs.failed > 0 && <span class="muted">, {formatCount(runs.failed)} failed</span>}
      {runs.cancelled > 0 && <span class="muted">, {formatCount(runs.cancelled)} cancelled</span>}
      {state === "running" && remaining_ms !== null && (
        <span class="muted">, about {formatDuration(remaining_ms)} left</span>
      )}
    </>
  );
}

function BackfillActions({ backfill, path }: { readonly backfill: Backfill; readonly path: string }) {
  const { state, runs, window_start } = backfill;
  const which = `the backfill from ${shortUtc(window_start)}`;
  return (
    <div class="row-actions">
      {state === "running" && (
        <ActionForm
          action={`${path}/cancel`}
          icon="stop"
          label="Cancel"
          kind="quiet"
          title={`Cancel ${which}`}
        />
      )}
      {runs.failed + runs.cancelled > 0 && (
        <ActionForm
          action={`${path}/retry`}
          icon="retry"
          label="Retry failed"
          kind="quiet"
          title={`Retry what failed of ${which}`}
        />
      )}
    </div>
  );
}
