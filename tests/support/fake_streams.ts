import type { StreamView } from "../../contract/streams/stream_view.ts";
import type { Traffic } from "../../contract/streams/traffic.ts";

/** Streams as a page may have to show them: of an API and of files, that failed, run, and were never read. */

/** Of a step that is under way. */
export const TRAFFIC: Traffic = {
  requests: 1_204,
  pages: 1_198,
  retries: 6,
  redirects: 0,
  waited_ms: 48_230,
};

export function fakeStreams(
  { at, run, hostile }: {
    readonly at: (secondsAgo: number) => string;
    readonly run: string;
    readonly hostile: string;
  },
): StreamView[] {
  const read = { run, rows: 41_207, size_bytes: 8_100_000, error: null };
  const ended = { started_at: at(86_420), finished_at: at(86_400), duration_ms: 20_000 };
  const committed = { run, committed_at: at(86_400), cursor: null, state: null };
  const cursor = { column: "updated_at", value: "2026-07-29 09:41:02.125+00", type: "TIMESTAMPTZ" };
  return [
    {
      stream: "flights",
      connector: "airport_api",
      mode: "incremental",
      last_read: { ...read, ...ended, state: "succeeded", rejects: 3, traffic: TRAFFIC },
      committed: { ...committed, cursor },
    },
    {
      stream: "weather",
      connector: "airport_api",
      mode: "full",
      last_read: {
        ...read,
        ...ended,
        state: "failed",
        rows: null,
        traffic: { ...TRAFFIC, requests: 8, pages: 0, retries: 7 },
        error: { code: "unavailable", message: `GET https://api.example/weather: ${hostile}` },
      },
      committed,
    },
    {
      stream: "a_stream_with_a_rather_long_name_of_many_words",
      connector: "files",
      mode: "append",
      last_read: { ...read, ...ended, state: "running", rows: null, finished_at: null, duration_ms: null },
      committed: {
        ...committed,
        state: `{"files":[{"path":"data/${"x".repeat(180)}.csv","etag":"${hostile}"},"… 12 more"]}`,
      },
    },
    { stream: "unread", connector: "files", mode: "full", last_read: null, committed: null },
  ];
}
