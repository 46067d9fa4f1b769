import type { RunDetail } from "../../../contract/run.ts";
import { formatBytes, formatDuration } from "../../../text/format.ts";
import { plainText } from "../plain_text.ts";
import { Moment } from "../times.tsx";

/** Every attempt of a run, in order. */
export function AttemptList({ run }: { run: RunDetail }) {
  return (
    <section aria-labelledby="attempts-title">
      <h2 id="attempts-title">
        Attempts <span class="count">{run.attempts.length}</span>
      </h2>
      <table class="runs">
        <thead>
          <tr>
            <th scope="col" class="number">Attempt</th>
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
              <td class="number">{attempt.attempt}</td>
              <td>{attempt.state}</td>
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
    </section>
  );
}
