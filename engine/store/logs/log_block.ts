import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { LOG_LEVELS, type LogLine } from "../../../contract/run.ts";
import { foldCase, type LogFilter, type LogLevelName } from "../../../contract/runs/log_search.ts";

/**
 * A block: consecutive lines of one run, as a JSON array of arrays in the order of LINE, compressed by zstd. What a
 * search has to know to pass it over stands beside it.
 */

/** About so much text goes into a block: it is what one line of it costs to be read. */
const BLOCK_CHARS = 128 * 1_024;

type Line = readonly [
  seq: number,
  atMs: number,
  level: LogLevelName,
  attempt: number | null,
  step: string | null,
  message: string,
];

export interface LogBlock {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Of its lines, epoch milliseconds. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** A bit for each level that occurs, the first for debug. */
  readonly levels: number;
  readonly body: Uint8Array;
}

/** The first lines, as many as go into one block; undefined for none. */
export function packBlock(lines: readonly LogLine[]): { block: LogBlock; count: number } | undefined {
  const packed: Line[] = [];
  let chars = 0;
  let levels = 0;
  for (const { seq, at, level, attempt, step, message } of lines) {
    packed.push([seq, Date.parse(at), level, attempt, step, message]);
    levels |= 1 << LOG_LEVELS.indexOf(level);
    chars += message.length + 60;
    if (chars >= BLOCK_CHARS) break;
  }
  const [first] = packed;
  const last = packed.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const times = packed.map(([, atMs]) => atMs);
  return {
    count: packed.length,
    block: {
      firstSeq: first[0],
      lastSeq: last[0],
      firstAtMs: times.reduce((one, other) => Math.min(one, other)),
      lastAtMs: times.reduce((one, other) => Math.max(one, other)),
      levels,
      body: zstdCompressSync(JSON.stringify(packed)),
    },
  };
}

/** Its lines; none where it cannot hold the `text` that is looked for. */
export function unpackBlock(body: Uint8Array | ArrayBuffer, text?: string): LogLine[] {
  const json = zstdDecompressSync(body).toString();
  // What JSON.stringify makes of a text is in what it makes of a longer one.
  if (text !== undefined && !foldCase(json).includes(foldCase(JSON.stringify(text).slice(1, -1)))) return [];
  const lines: Line[] = JSON.parse(json);
  return lines.map(([seq, atMs, level, attempt, step, message]) => ({
    seq,
    at: new Date(atMs).toISOString(),
    level,
    attempt,
    step,
    message,
  }));
}

/** Whether a block may hold lines that the filter wants, by what stands beside it. */
export function mayHold(
  { levels, firstAtMs, lastAtMs }: Pick<LogBlock, "levels" | "firstAtMs" | "lastAtMs">,
  { level, sinceMs = -Infinity, untilMs = Infinity }: LogFilter,
): boolean {
  const least = level === undefined ? 0 : LOG_LEVELS.indexOf(level);
  return levels >> least !== 0 && lastAtMs >= sinceMs && firstAtMs < untilMs;
}
