import type { StreamView } from "../../contract/streams/stream_view.ts";
import type { Traffic } from "../../contract/streams/traffic.ts";
import { formatCount, formatDuration } from "../../text/format.ts";
import { type ColumnSpec, formatTable } from "./table.ts";
import { formatTime, oneLine, truncate, withoutSeconds } from "./text.ts";

/** What the requests of a step that asks an API have come to. */
export const TRAFFIC_COLUMNS: readonly ColumnSpec[] = [
  { title: "REQUESTS", align: "right" },
  { title: "RETRIES", align: "right" },
  { title: "WAITED", align: "right" },
];

/** Empty for a step that asks none. */
export function trafficCells(traffic: Traffic | undefined): string[] {
  if (traffic === undefined) return ["", "", ""];
  const { requests, retries, waited_ms } = traffic;
  return [formatCount(requests), formatCount(retries), formatDuration(waited_ms)];
}

/** All of it is in the JSON. */
const MAX_STATE_WIDTH = 60;

/** How the last read of each stream went, and how far it is; `""` where there are none. */
export function formatStreams(streams: readonly StreamView[], width: number | undefined): string {
  if (streams.length === 0) return "";
  const asksApi = streams.some(({ last_read }) => last_read?.traffic !== undefined);
  return formatTable(
    [
      { title: "STREAM", minWidth: 16 },
      { title: "STATE" },
      { title: "LAST READ (UTC)", short: withoutSeconds, mayGo: true },
      { title: "ROWS", align: "right" },
      ...asksApi ? TRAFFIC_COLUMNS : [],
      { title: "GOES ON FROM", minWidth: 20 },
    ],
    streams.map(({ stream, last_read: read, committed }) => [
      stream,
      read?.state ?? "",
      read === null ? "" : formatTime(read.finished_at ?? read.started_at),
      read?.unchanged === true ? "not changed" : formatCount(read?.rows ?? null),
      ...asksApi ? trafficCells(read?.traffic) : [],
      truncate(oneLine(goesOnFrom(committed)), MAX_STATE_WIDTH),
    ]),
    width,
  );
}

function goesOnFrom(committed: StreamView["committed"]): string {
  if (committed === null) return "";
  const { cursor, state } = committed;
  return [cursor === null ? "" : `${cursor.column} = ${cursor.value}`, state ?? ""].filter((part) =>
    part !== ""
  ).join(" ");
}
