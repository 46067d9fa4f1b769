import type { RunDetail } from "../../../contract/run.ts";
import { formatBytes, formatDuration } from "../../../text/format.ts";
import { plainText } from "../plain_text.ts";
import { Moment } from "../times.tsx";
import { RunLane } from "./run_lane.tsx";

/** Every attempt of a run, in order, with the way to its steps; `shown` is the one whose steps the page shows. */
export function AttemptList({ run, shown, nowMs }: { run: RunDetail; shown: number; nowMs: number }) {
  const path = `/runs/${encodeURIComponent(run.id)}`;
  return (
    <section aria-labelledby="attempts-title">
      <h2 id="attempts-title">
        Attempts <span class="count">{run.attempts.length}</span>
      </h2>
      <div class="card">
        <RunLane run={run} nowMs={nowMs} />
        <table class="attempts">
          <thead>
            <tr>
              <th scope="col" class="head-attempt">Steps of</th>
              <th scope="col">State</th>
              <th scope="col">Started</th>
              <th scope="col" class="number">Duration</th>
              <th scope="col" class="number">Peak memory</th>
              <th scope="col">Error</th>
            </tr>
          </thead>
          <tbody>
            {run.attempts.map((attempt) => (
              <tr>
                <td class="cell-attempt">
                  <a
                    href={attempt.attempt === run.attempt ? path : `${path}?attempt=${attempt.attempt}`}
                    {...(attempt.attempt === shown ? { "aria-current": "true" as const } : {})}
                  >
                    Attempt {attempt.attempt}
                  </a>
                </td>
                <td>
                  {attempt.state}
                  {attempt.state === "cancelled" && run.cancelled_by !== null &&
                    ` by ${plainText(run.cancelled_by)}`}
                </td>
                <td>
                  <Moment at={attempt.started_at} />
                </td>
                <td class="number">{formatDuration(attempt.duration_ms)}</td>
                <td class="number">{formatBytes(attempt.peak_rss_bytes)}</td>
                <td>{plainText(attempt.error?.message ?? "")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
