import type { StepState } from "../../../contract/run.ts";
import {
  loadName,
  type LoadSummary,
  type LoadVerification,
  type Verdict,
  type Verification,
} from "../../../contract/loads/verification.ts";
import type { RejectSummary } from "../../../contract/rejects.ts";
import { formatCount, formatPlural, MISSING } from "../../../text/format.ts";
import { ActionForm } from "../action_form.tsx";
import { plainText } from "../plain_text.ts";
import { RunLink } from "../runs/run_link.tsx";
import { Breakable, shortStepName } from "../steps/step_names.tsx";
import { StateIcon, StateLabel } from "../states.tsx";
import { DataTable } from "../tables/data_table.tsx";
import { Ago } from "../times.tsx";

export interface LoadSectionView {
  readonly loads: readonly LoadSummary[];
  /** For who may see values of rows. */
  readonly verification?: Verification;
  /** Rows that targets did not want, likewise. */
  readonly rejects?: readonly RejectSummary[];
  /** Where the pages of tables are. */
  readonly tables: string;
  readonly mayVerify: boolean;
  /** Where the buttons post to. */
  readonly action: string;
  readonly nowMs: number;
}

/** Where rows were loaded, what the last load left, and whether it is still there; nothing where nothing is loaded. */
export function LoadSection(view: LoadSectionView) {
  const { loads, verification, mayVerify, action } = view;
  if (loads.length === 0) return null;
  const isRunning = verification?.state === "running";
  return (
    <section aria-labelledby="loads-title">
      <div class="section-head">
        <h2 id="loads-title">Loads</h2>
        {mayVerify && loads.some(({ receipt }) => receipt !== null) && (isRunning
          ? <ActionForm action={`${action}/stop`} icon="stop" label="Stop" title="Stop the verification" />
          : <ActionForm action={action} icon="check" label="Verify" title="Verify what was loaded" />)}
      </div>
      <DataTable
        label="Loads"
        heads={[
          "Load",
          "Verified",
          "Last load",
          "Target",
          { number: "Sent" },
          { number: "New" },
          { number: "Changed" },
          { number: "Gone" },
          "Hash",
        ]}
      >
        {loads.map((load) => <LoadRow load={load} view={view} />)}
      </DataTable>
      {verification !== undefined && <Findings verification={verification} loads={loads} />}
    </section>
  );
}

function LoadRow(
  { load, view: { nowMs, rejects = [], tables } }: { load: LoadSummary; view: LoadSectionView },
) {
  const { receipt, target, mode } = load;
  const rejected = rejects.find(({ stream }) => stream === load.load)?.count ?? 0;
  const table = `${tables}/${encodeURIComponent(load.table)}`;
  return (
    <tr class="load-row">
      <th scope="row">
        <Breakable text={shortStepName(load.load)} />
        {rejected > 0 && (
          <>
            {" "}
            <a class="tag" href={`${table}#rejects-${encodeURIComponent(loadName(load.load))}`}>
              {formatPlural(rejected, "reject")}
            </a>
          </>
        )}
      </th>
      <td class="about line">
        <Verified load={load} nowMs={nowMs} />
      </td>
      <td class="about line">
        {receipt === null ? "none is known" : (
          <>
            <Ago at={receipt.loaded_at} nowMs={nowMs} /> · <RunLink id={receipt.run} />
          </>
        )}
      </td>
      <td class="about">
        {plainText(target)} <span class="muted">{mode}</span>
      </td>
      <Count of={receipt?.rows} />
      <Count of={receipt?.inserted} />
      <Count of={receipt?.updated} />
      <Count of={receipt?.deleted} />
      <td>{receipt?.hash === undefined ? MISSING : <code>{receipt.hash}</code>}</td>
    </tr>
  );
}

function Count({ of: count }: { of: number | null | undefined }) {
  return <td class="number">{formatCount(count ?? null)}</td>;
}

/** By a command or the page; else by the load itself. */
function Verified({ load: { verification, receipt }, nowMs }: { load: LoadSummary; nowMs: number }) {
  if (verification !== null && (receipt === null || verification.verified_at >= receipt.loaded_at)) {
    return (
      <>
        <VerdictLabel verdict={verification.verdict} /> <Ago at={verification.verified_at} nowMs={nowMs} />
      </>
    );
  }
  if (receipt === null) return <>{MISSING}</>;
  if (receipt.verified !== true) return <span class="muted">not since</span>;
  return (
    <>
      <VerdictLabel verdict="same" /> <Ago at={receipt.loaded_at} nowMs={nowMs} />
    </>
  );
}

const STATE_OF: Readonly<Record<Verdict, StepState>> = {
  same: "succeeded",
  differs: "failed",
  not_verifiable: "warned",
  failed: "failed",
};
const WORD_OF: Readonly<Record<Verdict, string>> = {
  same: "same",
  differs: "differs",
  not_verifiable: "not verifiable",
  failed: "not read",
};

function VerdictLabel({ verdict }: { verdict: Verdict }) {
  return <StateLabel state={STATE_OF[verdict]} word={WORD_OF[verdict]} />;
}

/** What the last verification has to say of the loads, beyond that they are as they were. */
function Findings({ verification, loads }: { verification: Verification; loads: readonly LoadSummary[] }) {
  const { state, error } = verification;
  const found = verification.loads.filter((one) => loads.some(({ load }) => load === one.load));
  const told = found.filter(({ verdict, notes }) => verdict !== "same" || notes.length > 0);
  return (
    <>
      {state === "running" && (
        <p role="status" class="muted">
          Reading targets back: {formatPlural(verification.loads.length, "load")} done so far
        </p>
      )}
      {state === "failed" && error !== null && (
        <p role="status">The verification did not come to its end: {plainText(error.message)}</p>
      )}
      {told.length > 0 && (
        <div class="card findings">
          <ul class="check-items">
            {told.map((one) => <Finding found={one} />)}
          </ul>
        </div>
      )}
    </>
  );
}

function Finding({ found: { load, verdict, message, notes, expected_rows, found_rows } }: {
  found: LoadVerification;
}) {
  const rows = verdict === "differs" && expected_rows !== null && found_rows !== null
    ? `Expected ${formatPlural(expected_rows, "row")}, found ${formatCount(found_rows)}`
    : undefined;
  const texts = [message, ...(rows === undefined ? [] : [rows]), ...notes];
  return (
    <li class="check">
      <StateIcon state={STATE_OF[verdict]} />
      <div>
        <span class="check-name">{shortStepName(load)}</span>
        <p class="check-error">{texts.map((text) => `${plainText(text)}.`).join("\n")}</p>
      </div>
    </li>
  );
}
