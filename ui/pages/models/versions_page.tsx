import type { Version, VersionChanges } from "../../../contract/versions/version.ts";
import { Notice } from "../../parts/callouts.tsx";
import { Diff } from "../../parts/code/diff.tsx";
import { Empty } from "../../parts/empty.tsx";
import { RevisionLabel } from "../../parts/facts.tsx";
import { Choice } from "../../parts/forms/choice.tsx";
import { formatUtc, shortRevision } from "../../parts/format.ts";
import { Icon } from "../../parts/icons.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { plainText, truncate } from "../../parts/plain_text.ts";
import { PlanChanges } from "../../parts/plan/plan_changes.tsx";
import { DataTable } from "../../parts/tables/data_table.tsx";
import { Ago } from "../../parts/times.tsx";

export interface VersionsView {
  readonly frame: Frame;
  readonly pipeline: string;
  /** Newest first. */
  readonly versions: readonly Version[];
  /** Where older ones follow. */
  readonly next?: string;
  readonly notice?: { readonly message: string; readonly detail?: string };
}

/** What has been in force of a pipeline. */
export function VersionsPage({ frame, pipeline, versions, next, notice }: VersionsView) {
  const path = `/pipelines/${encodeURIComponent(pipeline)}`;
  return (
    <Layout frame={frame} title={`Versions of ${pipeline}`} section="pipelines">
      <Head pipeline={pipeline} path={path} title="Versions">
        Each time that a revision came in force, the newest first.
      </Head>
      {notice !== undefined && <Notice {...notice} />}
      {versions.length === 0
        ? (
          <div class="card">
            <Empty title="No versions">
              <p>Nothing has been in force of this pipeline.</p>
            </Empty>
          </div>
        )
        : (
          <DataTable label="Versions" heads={["Revision", "In force since", "Message", "Author"]} stacks>
            {versions.map((version) => <VersionRow version={version} path={path} nowMs={frame.nowMs} />)}
          </DataTable>
        )}
      {next !== undefined && (
        <p class="more">
          <a href={`${path}/versions?before=${encodeURIComponent(next)}`}>Older</a>
        </p>
      )}
    </Layout>
  );
}

function VersionRow(
  { version, path, nowMs }: { readonly version: Version; readonly path: string; readonly nowMs: number },
) {
  const { revision, git_commit: gitCommit, commit, kept } = version;
  return (
    <tr>
      <td data-head="Revision">
        {kept
          ? (
            <a href={`${path}/versions/${revision}`}>
              <RevisionLabel revision={revision} commit={gitCommit} />
            </a>
          )
          : <RevisionLabel revision={revision} commit={gitCommit} />}{" "}
        {version.in_force && <span class="badge">in force</span>}
        {!kept && <span class="badge idle">gone</span>}
      </td>
      <td data-head="In force since">
        <Ago at={version.in_force_at} nowMs={nowMs} />
      </td>
      <td data-head="Message">{commit === null ? "" : plainText(commit.subject)}</td>
      <td data-head="Author">{commit === null ? "" : plainText(commit.author)}</td>
    </tr>
  );
}

export interface VersionView {
  readonly frame: Frame;
  readonly pipeline: string;
  readonly changes: VersionChanges;
  readonly isInForce: boolean;
  /** What it can be compared with. */
  readonly others: readonly Version[];
}

const WORDS = { added: "added", removed: "removed", changed: "changed" } as const;

/** What one revision changed, and the way back to it. */
export function VersionPage({ frame, pipeline, changes, isInForce, others }: VersionView) {
  const path = `/pipelines/${encodeURIComponent(pipeline)}`;
  const { from, to, files, plan } = changes;
  return (
    <Layout frame={frame} title={`${shortRevision(to)} of ${pipeline}`} section="pipelines">
      <Head pipeline={pipeline} path={path} title={`Revision ${shortRevision(to)}`} isBelow>
        {from === null ? "The first that is known." : (
          <>
            What it changed against <code>{shortRevision(from)}</code>.
          </>
        )}
      </Head>
      {!isInForce && frame.may("pipeline:edit") && (
        <form class="action" method="post" action={`${path}/rollback`}>
          <input type="hidden" name="revision" value={to} />
          <button class="button" type="submit">
            <Icon name="retry" />
            <span>Put this revision in force</span>
          </button>
        </form>
      )}
      <Comparison path={`${path}/versions/${to}`} from={from} to={to} others={others} />
      {plan !== undefined && plan.change !== "unchanged" && <PlanChanges plan={plan} against={from} />}
      {files.length === 0 && (
        <div class="card">
          <Empty title="No differences">
            <p>Its files are those of the other revision.</p>
          </Empty>
        </div>
      )}
      {files.map(({ path: file, change, diff }) => (
        <section>
          <h2>
            <code>{plainText(file)}</code> <span class="badge idle">{WORDS[change]}</span>
          </h2>
          {diff === "" ? <p class="muted">Too long to be compared here.</p> : <Diff diff={diff} />}
        </section>
      ))}
    </Layout>
  );
}

/** Of a commit's subject in a choice. */
const SUBJECT_CHARS = 60;

/** The choice of what it is compared with. */
function Comparison(
  { path, from, to, others }: {
    readonly path: string;
    readonly from: string | null;
    readonly to: string;
    readonly others: readonly Version[];
  },
) {
  const kept = others.filter(({ revision, kept }, index) =>
    kept && revision !== to && others.findIndex((other) => other.revision === revision) === index
  );
  if (kept.length === 0) return null;
  return (
    <form class="version-choice" method="get" action={path}>
      <Choice
        name="against"
        label="Compare with"
        options={kept.map(({ revision, in_force_at, commit }) => ({
          value: revision,
          label: [
            shortRevision(revision),
            formatUtc(in_force_at),
            ...commit === null ? [] : [truncate(plainText(commit.subject), SUBJECT_CHARS)],
          ].join(" · "),
        }))}
        chosen={from ?? ""}
      />
      <button class="button quiet" type="submit">Compare</button>
    </form>
  );
}

function Head(
  { pipeline, path, title, isBelow = false, children }: {
    readonly pipeline: string;
    readonly path: string;
    readonly title: string;
    readonly isBelow?: boolean;
    readonly children?: unknown;
  },
) {
  return (
    <div class="page-head">
      <div class="page-title">
        <p class="crumbs">
          <a href="/">Pipelines</a> <span>/</span> <a href={path}>{pipeline}</a>
          {isBelow && (
            <>
              {" "}
              <span>/</span> <a href={`${path}/versions`}>Versions</a>
            </>
          )}
        </p>
        <h1>{title}</h1>
        <p class="lead">{children}</p>
      </div>
    </div>
  );
}
