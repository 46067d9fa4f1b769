import type { LogLine } from "../../../contract/run.ts";
import type { Engine } from "../../../engine/control/engine.ts";
import { type LogSearchValues, shownLevel } from "../../parts/logs/log_search_form.tsx";
import { plainText } from "../../parts/plain_text.ts";

/** A run's log as the pages read it from the engine. */

type LogSource = Pick<Engine, "getRunLogs">;

const CHUNK_LINES = 10_000;
/** What the page shows at once; the whole log is there as text. */
const PAGE_LINES = 1_000;

export interface LastLogs {
  readonly logs: readonly LogLine[];
  readonly hasOlderLogs: boolean;
}

/** The last lines of the log, however long it is. */
export async function readLastLogs(engine: LogSource, runId: string): Promise<LastLogs> {
  let logs: LogLine[] = [];
  let hasOlderLogs = false;
  for await (const chunk of readChunks(engine, runId)) {
    const all = [...logs, ...chunk];
    hasOlderLogs ||= all.length > PAGE_LINES;
    logs = all.slice(-PAGE_LINES);
  }
  return { logs, hasOlderLogs };
}

export interface FoundLogs extends LastLogs {
  readonly logSearch: LogSearchValues;
  /** Whether more lines fit. */
  readonly hasMoreLogs: boolean;
}

/** The first lines that are looked for. */
export async function findLogs(
  engine: LogSource,
  runId: string,
  logSearch: LogSearchValues,
): Promise<FoundLogs> {
  const { pipeline: _, ...conditions } = shownLevel(logSearch);
  const lines = await engine.getRunLogs(runId, { ...conditions, limit: PAGE_LINES + 1 });
  return {
    logs: lines.slice(0, PAGE_LINES),
    hasOlderLogs: false,
    hasMoreLogs: lines.length > PAGE_LINES,
    logSearch,
  };
}

/** The whole log as UTF-8 text, one line of it a line, read as it is pulled. */
export function streamLogText(engine: LogSource, runId: string): ReadableStream<Uint8Array> {
  const chunks = readChunks(engine, runId);
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value.map(logText).join("")));
    },
    async cancel() {
      await chunks.return();
    },
  });
}

async function* readChunks(engine: LogSource, runId: string): AsyncGenerator<LogLine[], void> {
  for (let afterSeq = 0;;) {
    const chunk = await engine.getRunLogs(runId, { afterSeq, limit: CHUNK_LINES });
    if (chunk.length > 0) yield chunk;
    const last = chunk.at(-1);
    if (last === undefined || chunk.length < CHUNK_LINES) return;
    afterSeq = last.seq;
  }
}

function logText({ at, level, attempt, step, message }: LogLine): string {
  const later = (attempt ?? 1) > 1 ? `#${attempt} ` : "";
  return `${at} ${level.padEnd(5)} ${later}${step === null ? "" : `${step}: `}${plainText(message)}\n`;
}
