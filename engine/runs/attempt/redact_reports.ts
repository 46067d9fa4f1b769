import { boundErrorRecord, type ErrorRecord } from "../../../contract/errors.ts";
import type { FollowedReport } from "../../../contract/connector/followed.ts";
import type { FailedRows } from "../../../contract/checks/failed_rows.ts";
import type { StreamRejects } from "../../../contract/rejects.ts";
import type { CommittedStream } from "../../../contract/streams/stream_view.ts";
import type { TablePreview } from "../../../contract/table.ts";

/** What a run's process reports, without the secrets that its values may hold. */

export function redactError(redact: (text: string) => string, error: ErrorRecord | null): ErrorRecord | null {
  if (error === null) return null;
  return boundErrorRecord({
    ...error,
    message: redact(error.message),
    ...(error.detail === undefined ? {} : { detail: redact(error.detail) }),
  });
}

/** Rows may hold what connectors.yaml keeps secret, too. */
export function redactPreview(redact: (text: string) => string, table: TablePreview): TablePreview {
  return {
    ...table,
    rows: table.rows.map((row) => row.map((cell) => cell === null ? null : redact(cell))),
    cursor: table.cursor === null ? null : { ...table.cursor, value: redact(table.cursor.value) },
  };
}

/** The same for rows that do not fit. */
export function redactRejects(redact: (text: string) => string, found: StreamRejects): StreamRejects {
  return {
    ...found,
    reason: redact(found.reason),
    rejects: found.rejects.map((reject) => ({
      ...reject,
      reason: redact(reject.reason),
      row: reject.row === null ? null : redact(reject.row),
    })),
  };
}

/** The same for rows that failed a check. */
export function redactFailedRows(redact: (text: string) => string, found: FailedRows): FailedRows {
  return { ...found, rows: found.rows.map((row) => row.map((cell) => cell === null ? null : redact(cell))) };
}

export function redactFollowed(redact: (text: string) => string, followed: FollowedReport): FollowedReport {
  const redacted = (text: string | null) => text === null ? null : redact(text);
  return {
    ...followed,
    warning: redacted(followed.warning),
    streams: followed.streams.map((stream) => ({ ...stream, error: redacted(stream.error) })),
  };
}

/** The same for where a stream goes on. */
export function redactStream(redact: (text: string) => string, stream: CommittedStream): CommittedStream {
  const { cursor, state } = stream;
  return {
    ...stream,
    cursor: cursor === null ? null : { ...cursor, value: redact(cursor.value) },
    state: state === null ? null : redact(state),
  };
}
