import type { Cursor, Until } from "../../../../contract/connector/source.ts";
import type { SourceTotal } from "../../../../contract/jobs/reports.ts";
import type { StreamDefinition } from "../../../../contract/pipeline/stream.ts";
import type { DuckSession } from "../../../duckdb/session.ts";
import { nextTable } from "../../../warehouse/raw_table.ts";
import {
  cursorOf,
  forgetParts,
  lookBack,
  readState,
  type StreamState,
  type UnfinishedRead,
} from "../../../warehouse/stream_state.ts";
import type { AskedRange } from "../read_window.ts";
import { StreamRejects } from "../stream_rejects.ts";
import { isReplacing } from "./replacing.ts";

export interface SinkOptions {
  readonly session: DuckSession;
  readonly name: string;
  readonly stream: StreamDefinition;
  readonly runId: string;
  readonly attempt: number;
  readonly fullRefresh: boolean;
  /** Where the run's window ends. */
  readonly until?: Until;
  /** Rows that are read again: they are put in the place of those that are there, and the cursor stays. */
  readonly again?: AskedRange;
  /** With what the source says that there is in all. */
  readonly onProgress: (rows: number, sizeBytes: number | null, total?: SourceTotal) => void;
  readonly onWarning: (message: string) => void;
  /** Around each commit before the last. */
  readonly onCheckpoint?: (point: "before checkpoint" | "after checkpoint") => void;
}

/** What the read of a stream goes on from. */
export interface SinkStart {
  readonly state: StreamState;
  /** What an earlier attempt of this run has committed. */
  readonly before: UnfinishedRead | undefined;
  /** Whether the rows grow in a table beside the old one, which takes its place at the end. */
  readonly isReplacing: boolean;
  readonly cursor: Cursor | undefined;
  /** Where the source begins to read: the cursor, or what lies `lag` before it. */
  readonly from: Cursor | undefined;
  readonly rejects: StreamRejects;
}

/** Called in the read's first transaction: clears away what a run has left that never came to its end. */
export async function startSink(options: SinkOptions): Promise<SinkStart> {
  const { session, name, stream, runId, again } = options;
  const state = await readState(session, name);
  const before = state.unfinished?.runId === runId ? state.unfinished : undefined;
  const replaces = await isReplacing(session, options, state);
  if (replaces && before === undefined) {
    await session.run(`DROP TABLE IF EXISTS ${nextTable(name)}`);
    if (state.unfinished?.parts !== undefined) await forgetParts(session, name);
  }
  const cursor = replaces || stream.update_key === undefined
    ? undefined
    : await cursorOf(session, name, stream.update_key, state);
  const from = again?.from ??
    (cursor === undefined || stream.lag === undefined
      ? cursor
      : await lookBack(session, name, cursor, stream.lag));
  return { state, before, isReplacing: replaces, cursor, from, rejects: await StreamRejects.open(options) };
}
