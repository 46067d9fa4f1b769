import { withoutDetail } from "../../../contract/errors.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { CommittedStream, StreamView } from "../../../contract/streams/stream_view.ts";
import type { LastRead } from "../../store/ports/runs.ts";

/** A stream with its step in the last run that read it, and what was last committed of it. */
export function streamView(
  stream: string,
  { connector, mode }: Pick<StreamDefinition, "connector" | "mode">,
  read: LastRead | undefined,
  committed: CommittedStream | undefined,
): StreamView {
  return {
    stream,
    connector,
    mode,
    last_read: read === undefined ? null : lastReadOf(read),
    committed: committed === undefined ? null : committedOf(committed),
  };
}

function lastReadOf({ run, step }: LastRead): StreamView["last_read"] {
  const {
    state,
    rows,
    size_bytes,
    rejects,
    unchanged,
    traffic,
    started_at,
    finished_at,
    duration_ms,
    error,
  } = step;
  return {
    run,
    state,
    rows,
    size_bytes,
    ...(rejects === undefined ? {} : { rejects }),
    ...(unchanged === undefined ? {} : { unchanged }),
    ...(traffic === undefined ? {} : { traffic }),
    started_at,
    finished_at,
    duration_ms,
    error: withoutDetail(error),
  };
}

const committedOf = ({ stream: _, ...committed }: CommittedStream): StreamView["committed"] => committed;
