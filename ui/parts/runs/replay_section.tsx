import type { ModelReplay, RunReplay } from "../../../contract/runs/replay.ts";
import type { RunManifest } from "../../../contract/runs/run_manifest.ts";
import { rowsText } from "../../../server/cli/plan/plan_words.ts";
import { dataLines } from "../../../server/cli/plan/plan_text.ts";
import { formatCount, formatPlural } from "../../../text/format.ts";
import { ActionForm } from "../action_form.tsx";
import { plainText } from "../plain_text.ts";
import { Badge } from "../states.tsx";
import { DataTable } from "../tables/data_table.tsx";

interface ReplaySectionProps {
  readonly manifest: RunManifest;
  /** Whether who looks may repeat it. */
  readonly mayReplay: boolean;
  /** What came of a replay that was just done. */
  readonly found?: RunReplay | undefined;
}

/** Whether the run can be repeated on what was kept of it, the button for it, and what came of it. */
export function ReplaySection({ manifest: { run, replay }, mayReplay, found }: ReplaySectionProps) {
  return (
    <section aria-labelledby="replay-title">
      <div class="section-head">
        <h2 id="replay-title">Replay</h2>
        {replay.possible && mayReplay && (
          <ActionForm
            action={`/runs/${encodeURIComponent(run)}/replay#replay-title`}
            icon="retry"
            label="Replay"
            title="Build the models of this run once more"
          />
        )}
      </div>
      {found === undefined
        ? (
          <p class="more muted">
            {replay.possible
              ? "Its models can be built once more from what the run read, in a copy: it says whether they come out the same."
              : `It cannot be replayed: ${plainText(replay.reason ?? "")}.`}
          </p>
        )
        : <Found found={found} />}
    </section>
  );
}

const WORDS = { same: "the same", differs: "differs", unknown: "cannot be told" } as const;

function Found({ found: { models } }: { readonly found: RunReplay }) {
  const count = (wanted: ModelReplay["outcome"]) => models.filter(({ outcome }) => outcome === wanted).length;
  const others = (["differs", "unknown"] as const).filter((outcome) => count(outcome) > 0)
    .map((outcome) => `${formatCount(count(outcome))} ${WORDS[outcome]}`);
  return (
    <>
      <p role="status">
        {others.length === 0
          ? `${formatPlural(models.length, "model")} came out the same.`
          : `Of ${formatPlural(models.length, "model")} ${formatCount(count("same"))} came out the same, ${
            others.join(", ")
          }.`}
      </p>
      <DataTable label="Models of the replay" heads={["Model", "Outcome", "What"]} stacks>
        {models.map((model) => <ModelRow model={model} />)}
      </DataTable>
    </>
  );
}

function ModelRow({ model: { model, outcome, reason, likely, diff } }: { readonly model: ModelReplay }) {
  return (
    <tr>
      <th scope="row">{plainText(model)}</th>
      <td data-head="Outcome">
        {outcome === "same"
          ? WORDS.same
          : <Badge kind={outcome === "differs" ? "bad" : "warn"}>{WORDS[outcome]}</Badge>}
      </td>
      <td class="about" data-head="What">
        {reason !== null && <div>{plainText(reason)}</div>}
        {outcome === "same" && diff !== null && rowsText(diff)}
        {outcome === "differs" && diff !== null && (
          <pre>{dataLines(diff).map((line) => plainText(line.slice(INDENT))).join("\n")}</pre>
        )}
        {likely.map((text) => <div class="muted">perhaps: {plainText(text)}</div>)}
      </td>
    </tr>
  );
}

/** That of a terminal. */
const INDENT = 4;
