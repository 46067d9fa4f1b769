import type { Run } from "../../../contract/run.ts";
import { Icon } from "../icons.tsx";
import { plainText } from "../plain_text.ts";

/** The run's tags, each with a way to the runs that have it. */
export function RunTags({ run }: { run: Pick<Run, "tags"> }) {
  return (
    <>
      {(run.tags ?? []).map((tag) => (
        <a class="tag" href={`/runs?tag=${encodeURIComponent(tag)}`}>{plainText(tag)}</a>
      ))}
    </>
  );
}

/** Writes a note on the run, and its tags. */
export function AnnotateForm({ run }: { run: Run }) {
  return (
    <details class="menu">
      <summary class="button" aria-label="Note and tags of this run">
        <Icon name="file" />
        <span>Note</span>
      </summary>
      <form class="panel" method="post" action={`/runs/${encodeURIComponent(run.id)}/annotate`}>
        <div class="field">
          <label for="run-note">Note</label>
          <input id="run-note" name="note" value={run.note ?? ""} maxlength={2_000} autocomplete="off" />
        </div>
        <div class="field">
          <label for="run-tags">Tags</label>
          <input
            id="run-tags"
            name="tags"
            value={(run.tags ?? []).join(" ")}
            autocomplete="off"
            spellcheck={false}
            aria-describedby="run-tags-hint"
          />
          <p class="hint" id="run-tags-hint">Words with spaces between them.</p>
        </div>
        <button class="button primary" type="submit">
          <Icon name="check" />
          <span>Save</span>
        </button>
      </form>
    </details>
  );
}
