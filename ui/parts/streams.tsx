import type { StreamView } from "../../contract/streams/stream_view.ts";
import { SHOWN_WAIT_MS } from "../../contract/streams/traffic.ts";
import { formatCount, formatDuration, formatPlural, MISSING } from "../../text/format.ts";
import { plainText } from "./plain_text.ts";
import { RunLink } from "./runs/run_link.tsx";
import { StateLabel } from "./states.tsx";
import { Breakable } from "./steps/step_names.tsx";
import { DataTable } from "./tables/data_table.tsx";
import { Ago } from "./times.tsx";

interface StreamSectionProps {
  readonly pipeline: string;
  readonly streams: readonly StreamView[];
  readonly nowMs: number;
}

/** How the last read of each stream went, what its requests came to, and how far it is; nothing where there are none. */
export function StreamSection({ pipeline, streams, nowMs }: StreamSectionProps) {
  if (streams.length === 0) return null;
  const asksApi = streams.some(({ last_read }) => last_read?.traffic !== undefined);
  return (
    <section aria-labelledby="streams-title">
      <h2 id="streams-title">
        Streams <span class="count">{formatCount(streams.length)}</span>
      </h2>
      <DataTable
        label="Streams"
        heads={[
          "Stream",
          "Last read",
          { number: "Rows" },
          ...(asksApi ? API_HEADS.map((number) => ({ number })) : []),
          "Last state",
        ]}
        stacks
      >
        {streams.map((stream) => (
          <tr class="stream-row">
            <th scope="row">
              <a href={tablePath(pipeline, stream.stream)}>
                <Breakable text={stream.stream} />
              </a>
              <span class="stream-from">{plainText(stream.connector)} · {stream.mode}</span>
            </th>
            <td class="about" data-head="Last read">
              <LastRead read={stream.last_read} nowMs={nowMs} />
            </td>
            <td class="number" data-head="Rows">
              {stream.last_read?.unchanged === true
                ? "not changed"
                : formatCount(stream.last_read?.rows ?? null)}
              {(stream.last_read?.rejects ?? 0) > 0 && (
                <a class="stream-from" href={`${tablePath(pipeline, stream.stream)}#rejects`}>
                  {formatPlural(stream.last_read?.rejects ?? 0, "reject")}
                </a>
              )}
            </td>
            {asksApi && <TrafficCells traffic={stream.last_read?.traffic} />}
            <td class="about" data-head="Last state">
              <Committed committed={stream.committed} nowMs={nowMs} />
            </td>
          </tr>
        ))}
      </DataTable>
    </section>
  );
}

const API_HEADS = ["Requests", "Pages", "Retries", "Waited"] as const;

function TrafficCells({ traffic }: { traffic: NonNullable<StreamView["last_read"]>["traffic"] }) {
  const waited = traffic === undefined
    ? MISSING
    : traffic.waited_ms < SHOWN_WAIT_MS
    ? "0 s"
    : formatDuration(traffic.waited_ms);
  const counts = [traffic?.requests, traffic?.pages, traffic?.retries].map((count) =>
    formatCount(count ?? null)
  );
  return (
    <>
      {[...counts, waited].map((text, at) => <td class="number" data-head={API_HEADS[at]}>{text}</td>)}
    </>
  );
}

function LastRead({ read, nowMs }: { read: StreamView["last_read"]; nowMs: number }) {
  if (read === null) return <span class="muted">not lately</span>;
  const { state, run, started_at, finished_at, error } = read;
  const at = finished_at ?? started_at;
  return (
    <>
      <span class="stream-when">
        <StateLabel state={state} /> {at !== null && <Ago at={at} nowMs={nowMs} />} · <RunLink id={run} />
      </span>
      {error !== null && (
        <span class="stream-error" title={plainText(error.message)}>{plainText(error.message)}</span>
      )}
    </>
  );
}

/** Where the stream goes on, and since when. */
function Committed({ committed, nowMs }: { committed: StreamView["committed"]; nowMs: number }) {
  if (committed === null) return <span class="muted">none yet</span>;
  const { cursor, state, committed_at, run } = committed;
  return (
    <>
      {cursor === null && state === null && <span class="muted">reads everything each time</span>}
      {cursor !== null && (
        <code class="stream-state" title={cursor.type}>
          {plainText(cursor.column)} = {plainText(cursor.value)}
        </code>
      )}
      {state !== null && <code class="stream-state">{plainText(state)}</code>}
      <span class="stream-from">
        committed <Ago at={committed_at} nowMs={nowMs} /> by <RunLink id={run} />
      </span>
    </>
  );
}

const tablePath = (pipeline: string, stream: string): string =>
  `/pipelines/${encodeURIComponent(pipeline)}/tables/${encodeURIComponent(`raw.${stream}`)}`;
