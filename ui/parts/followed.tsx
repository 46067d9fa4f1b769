import type { FollowedView } from "../../contract/connector/followed.ts";
import { formatBytes, formatDuration } from "../../text/format.ts";
import { Icon } from "./icons.tsx";
import { plainText } from "./plain_text.ts";
import { DataTable } from "./tables/data_table.tsx";
import { Fact } from "./facts.tsx";
import { Ago } from "./times.tsx";

/** How far the streams of a pipeline are in the logs that they follow; nothing where none follows any. */
export function FollowedSection({ followed, nowMs }: { followed: readonly FollowedView[]; nowMs: number }) {
  if (followed.length === 0) return null;
  return (
    <section aria-labelledby="followed-title">
      <h2 id="followed-title">Followed changes</h2>
      <div class="followed" id="followed" data-live>
        {followed.map((view) => (
          <>
            <dl class="facts">
              <FollowedFacts view={view} nowMs={nowMs} />
            </dl>
            <DataTable
              label={`Streams that follow ${view.connector}`}
              heads={["Stream", "Last change", "State"]}
            >
              {view.streams.map(({ stream, last_change_at, error }) => (
                <tr>
                  <td>
                    <code>{stream}</code>
                  </td>
                  <td>{last_change_at === null ? "none yet" : <Ago at={last_change_at} nowMs={nowMs} />}</td>
                  <td class="about">{error === null ? "followed" : plainText(error)}</td>
                </tr>
              ))}
            </DataTable>
          </>
        ))}
      </div>
    </section>
  );
}

/** Of one connector: where its streams are, how late, and what its system keeps for them. */
export function FollowedFacts({ view, nowMs }: { view: FollowedView; nowMs: number }) {
  const { connector, position, caught_up, lag_seconds, behind_bytes, retained_bytes, looked_at } = view;
  return (
    <>
      <Fact name="Follows">
        {connector}, {caught_up ? "caught up" : "not caught up"}
      </Fact>
      {lag_seconds !== null && <Fact name="Behind">{formatDuration(lag_seconds * 1_000)}</Fact>}
      {position !== null && (
        <Fact name="Position">
          <code>{plainText(position)}</code>
        </Fact>
      )}
      {behind_bytes !== null && <Fact name="Log behind">{formatBytes(behind_bytes)}</Fact>}
      {retained_bytes !== null && <Fact name="Log kept">{formatBytes(retained_bytes)}</Fact>}
      <Fact name="Looked at">
        <Ago at={looked_at} nowMs={nowMs} />
      </Fact>
    </>
  );
}

/** What has to be looked at soon, above all else. */
export function WarningList({ warnings }: { warnings: readonly string[] }) {
  if (warnings.length === 0) return null;
  return (
    <section class="callout warn" aria-label="Warnings">
      <Icon name="warned" />
      <div>{warnings.map((warning) => <p class="callout-title">{plainText(warning)}</p>)}</div>
    </section>
  );
}
