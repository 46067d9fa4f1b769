import type { Problem, ProblemKind } from "../../../contract/alerts/problem.ts";
import { formatPlural } from "../../../text/format.ts";
import { formatUtc } from "../format.ts";
import { Icon } from "../icons.tsx";
import { plainText } from "../plain_text.ts";
import { RunLink } from "../runs/run_link.tsx";
import { Ago } from "../times.tsx";

const WORDS: Readonly<Record<ProblemKind, string>> = {
  failure: "failed",
  warning: "warned",
  late: "late",
  stale: "stale data",
  volume: "unusual counts",
  sensor: "waits for files",
  disk: "disk",
  certificate: "certificate",
  definitions: "definitions",
  delivery: "not delivered",
};
const IS_WARNING: ReadonlySet<ProblemKind> = new Set(["warning", "volume"]);
const MUTE_TIMES = [["1h", "an hour"], ["8h", "8 hours"], ["1d", "a day"], ["7d", "a week"]] as const;

interface ProblemListProps {
  readonly problems: readonly Problem[];
  readonly nowMs: number;
  readonly mayChange: boolean;
}

/** Problems with what can be done about them. */
export function ProblemList({ problems, nowMs, mayChange }: ProblemListProps) {
  return (
    <ul class="alert-list card">
      {problems.map((problem) => <ProblemItem problem={problem} nowMs={nowMs} mayChange={mayChange} />)}
    </ul>
  );
}

function ProblemItem({ problem, nowMs, mayChange }: { problem: Problem; nowMs: number; mayChange: boolean }) {
  const { kind, pipeline, run, message, opened_at, last_at, closed_at, count } = problem;
  const isMuted = mutedAt(problem, nowMs);
  const tone = IS_WARNING.has(kind) ? "warn" : "bad";
  return (
    <li class={`alert-item ${isMuted || problem.acknowledged_by !== null ? "quiet" : ""}`}>
      <div class="alert-what">
        <p class="alert-head">
          <span class={`badge ${closed_at === null ? tone : ""}`}>
            <Icon name={closed_at === null ? "warned" : "succeeded"} />
            {WORDS[kind]}
          </span>
          {pipeline === null
            ? <b>{plainText(subjectOf(problem))}</b>
            : (
              <a href={`/pipelines/${encodeURIComponent(pipeline)}`}>
                <b>{plainText(pipeline)}</b>
              </a>
            )}
          {run !== null && <RunLink id={run} />}
        </p>
        <p class="alert-message">{plainText(message)}</p>
        <p class="alert-times">
          since <Ago at={opened_at} nowMs={nowMs} />
          {count > 1 && (
            <>
              , {formatPlural(count, "time")}, last <Ago at={last_at} nowMs={nowMs} />
            </>
          )}
          {closed_at !== null && (
            <>
              , over <Ago at={closed_at} nowMs={nowMs} />
            </>
          )}
          {problem.acknowledged_by !== null && `, acknowledged by ${plainText(problem.acknowledged_by)}`}
          {isMuted && problem.muted_until !== null && `, muted until ${formatUtc(problem.muted_until)}`}
        </p>
      </div>
      {mayChange && closed_at === null && <Actions problem={problem} isMuted={isMuted} />}
    </li>
  );
}

const mutedAt = ({ muted_until }: Problem, nowMs: number): boolean =>
  muted_until !== null && Date.parse(muted_until) > nowMs;

/** `notifier team delivery` → `notifier team`. */
const subjectOf = ({ key, kind }: Problem): string =>
  key.endsWith(` ${kind}`) ? key.slice(0, -kind.length - 1) : key;

function Actions({ problem, isMuted }: { problem: Problem; isMuted: boolean }) {
  const path = `/problems/${encodeURIComponent(problem.id)}`;
  const isAcknowledged = problem.acknowledged_by !== null;
  const about = problem.key;
  return (
    <div class="actions">
      <form
        class="action"
        method="post"
        action={`${path}/${isAcknowledged ? "unacknowledge" : "acknowledge"}`}
      >
        <button
          class="button quiet"
          type="submit"
          aria-label={`${isAcknowledged ? "Take back that it is acknowledged" : "Acknowledge"}: ${about}`}
        >
          <Icon name="check" />
          <span>{isAcknowledged ? "Take back" : "Acknowledge"}</span>
        </button>
      </form>
      {isMuted
        ? (
          <form class="action" method="post" action={`${path}/unmute`}>
            <button class="button quiet" type="submit" aria-label={`Unmute: ${about}`}>
              <Icon name="play" />
              <span>Unmute</span>
            </button>
          </form>
        )
        : (
          <form class="action mute" method="post" action={`${path}/mute`}>
            <select name="for" aria-label={`How long to mute: ${about}`}>
              {MUTE_TIMES.map(([value, words]) => (
                <option value={value} selected={value === "1d"}>{words}</option>
              ))}
            </select>
            <button class="button quiet" type="submit" aria-label={`Mute: ${about}`}>
              <Icon name="pause" />
              <span>Mute</span>
            </button>
          </form>
        )}
    </div>
  );
}
