import type { CheckDocs, CheckResult, PipelineResult, TableDocs } from "../../contract/docs/project_docs.ts";
import { formatCount, formatPlural } from "../../text/format.ts";
import { Fact } from "../parts/facts.tsx";
import { formatUtc } from "../parts/format.ts";
import { plainText } from "../parts/plain_text.ts";
import { StateIcon, StateLabel } from "../parts/states.tsx";

/** `incremental, merge`, `stream, full`, `seed`. */
export function kindText({ kind, materialized, strategy, mode }: TableDocs): string {
  if (kind === "model") return [materialized ?? "model", ...(strategy === null ? [] : [strategy])].join(", ");
  return [kind, ...(mode === null ? [] : [mode])].join(", ");
}

/** Words to find it by. */
export function Tags({ tags }: { readonly tags: readonly string[] }) {
  return <>{tags.map((tag) => <span class="tag">{plainText(tag)}</span>)}</>;
}

export function TagsFact({ tags }: { readonly tags: readonly string[] }) {
  if (tags.length === 0) return null;
  return (
    <Fact name="Tags">
      <span class="name-list">
        <Tags tags={tags} />
      </span>
    </Fact>
  );
}

/** How the newest run ended. */
export function LastRun({ last }: { readonly last: PipelineResult | null }) {
  if (last === null) return <span class="muted">–</span>;
  const state = last.state === "succeeded" && last.warnings > 0 ? "warned" : last.state;
  return (
    <span title={last.finished_at === null ? undefined : formatUtc(last.finished_at)}>
      <StateLabel state={state} />
    </span>
  );
}

/** `2026-07-30 12:05:09 UTC`. */
export function At({ at }: { readonly at: string | null }) {
  return at === null ? <span class="muted">–</span> : <time datetime={at}>{formatUtc(at)}</time>;
}

export function CheckState({ last }: { readonly last: CheckResult | null }) {
  if (last === null) return <span class="muted">not known</span>;
  const fails = last.state === "succeeded" || last.rows === null || last.rows === 0
    ? ""
    : `, ${formatPlural(last.rows, "row")} ${last.rows === 1 ? "fails" : "fail"}`;
  return (
    <span title={last.at === null ? undefined : formatUtc(last.at)}>
      <StateLabel
        state={last.state}
        word={`${last.state === "succeeded" ? "passed" : last.state}${fails}`}
      />
    </span>
  );
}

const WORST = ["failed", "warned", "succeeded"] as const;

/** How many checks a table has, and how the worst of them last ended. */
export function CheckTally({ checks }: { readonly checks: readonly CheckDocs[] }) {
  if (checks.length === 0) return <span class="muted">–</span>;
  const worst = WORST.find((state) => checks.some(({ last }) => last?.state === state));
  return (
    <span class="docs-tally">
      {worst !== undefined && <StateIcon state={worst} />}
      {formatCount(checks.length)}
    </span>
  );
}
