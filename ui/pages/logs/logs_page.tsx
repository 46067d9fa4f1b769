import type { FoundLine } from "../../../contract/runs/log_search.ts";
import { formatPlural } from "../../../text/format.ts";
import { Notice } from "../../parts/callouts.tsx";
import { Empty } from "../../parts/empty.tsx";
import { formatUtc } from "../../parts/format.ts";
import { Icon } from "../../parts/icons.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { LogLines } from "../../parts/logs/log_lines.tsx";
import { LogSearchForm, type LogSearchValues } from "../../parts/logs/log_search_form.tsx";
import { RunLink } from "../../parts/runs/run_link.tsx";
import { Moment } from "../../parts/times.tsx";

export interface LogsView {
  readonly frame: Frame;
  readonly values: LogSearchValues;
  /** Names of all pipelines. */
  readonly pipelines: readonly string[];
  /** Absent before anything was looked for. */
  readonly found?: {
    readonly lines: readonly FoundLine[];
    readonly next: string | null;
    readonly searchedBackTo: string | null;
  };
  readonly notice?: { readonly message: string };
}

/** Lines of the logs of all runs. */
export function LogsPage({ frame, values, pipelines, found, notice }: LogsView) {
  return (
    <Layout frame={frame} title="Logs" section="logs">
      <div class="page-head">
        <div class="page-title">
          <h1>Logs</h1>
          <p class="lead">Lines of all runs that are kept, those of the newest run first.</p>
        </div>
      </div>
      <LogSearchForm action="/logs" values={values} pipelines={pipelines} withSince />
      {notice !== undefined && <Notice {...notice} />}
      {found !== undefined && <Findings values={values} found={found} />}
    </Layout>
  );
}

type Found = NonNullable<LogsView["found"]>;

function Findings(
  { values, found: { lines, next, searchedBackTo } }: { values: LogSearchValues; found: Found },
) {
  const groups = [...Map.groupBy(lines, ({ run }) => run).values()];
  return (
    <>
      {lines.length === 0 && (
        <div class="card">
          <Empty title={next === null ? "No line fits this" : "No line fits this so far"}>
            {values.level === undefined && <p>Debug lines are left out.</p>}
          </Empty>
        </div>
      )}
      {groups.map((group) => <RunLines lines={group} />)}
      <nav class="pages" aria-label="More lines">
        <span class="muted">
          {formatPlural(lines.length, "line")}
          {searchedBackTo !== null && `; runs since ${formatUtc(searchedBackTo)} were searched`}
        </span>
        {next !== null && (
          <a
            class="button quiet"
            rel="next"
            href={`/logs?${new URLSearchParams({ ...values, after: next })}`}
          >
            <span>Search on</span>
            <Icon name="chevron" />
          </a>
        )}
      </nav>
    </>
  );
}

/** What was found in one run. */
function RunLines({ lines }: { lines: readonly FoundLine[] }) {
  const [first] = lines;
  if (first === undefined) return null;
  return (
    <section class="card log-card found-lines" aria-label={`Lines of a run of ${first.pipeline}`}>
      <p class="log-note">
        <a href={`/pipelines/${encodeURIComponent(first.pipeline)}`}>{first.pipeline}</a>
        <RunLink id={first.run} />
        <span class="muted">
          <Moment at={first.at} />
        </span>
      </p>
      <ol class="log-lines log all-levels">
        <LogLines lines={lines} withDate />
      </ol>
    </section>
  );
}
