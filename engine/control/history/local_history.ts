import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import { schedulesOf } from "../../../contract/pipeline/schedule.ts";
import {
  DEFAULT_TREND_RUNS,
  MAX_HISTORY_DAYS,
  MAX_TREND_RUNS,
  type PipelineHistory,
} from "../../../contract/runs/history.ts";
import type { LogFindings } from "../../../contract/runs/log_search.ts";
import type { LogPlace } from "../../store/ports/logs.ts";
import type { Store } from "../../store/store.ts";
import { revisionInForce } from "../pipeline_record.ts";
import { countDays, daysUntil } from "./days.ts";
import { logFilterOf } from "./log_conditions.ts";
import type { HistoryRange, LogSearchRequest, RunHistory } from "./port.ts";

const DEFAULT_LINES = 100;
const MAX_LINES = 1_000;
/** Who asks is told so far what there is, and can go on. */
const SEARCH_MS = 1_000;
/** Counted at a time; where that takes long, others come to work in between. */
const CHUNK_DAYS = 62;
const CHUNK_MS = 8;

export interface LocalHistoryContext {
  readonly store: Store;
  readonly clock: Pick<Clock, "now">;
}

/** The history in this process's store. */
export class LocalHistory implements RunHistory {
  readonly #context: LocalHistoryContext;

  constructor(context: LocalHistoryContext) {
    this.#context = context;
  }

  async searchLogs(request: LogSearchRequest): Promise<LogFindings> {
    const { pipeline, pipelines, environment, limit, after, ...conditions } = request;
    const { store, clock } = this.#context;
    const { lines, next, backToMs } = await store.logs.search({
      filter: logFilterOf(conditions, clock.now()),
      ...(pipeline ? { pipeline } : {}),
      ...(pipelines === undefined ? {} : { pipelines }),
      ...(environment === undefined ? {} : { environment }),
      ...(after ? { from: placeOf(after) } : {}),
      limit: Math.min(Math.max(limit ?? DEFAULT_LINES, 1), MAX_LINES),
      budgetMs: SEARCH_MS,
    });
    // Runs of a removed pipeline are kept: only where there are none is the name in question.
    if (pipeline && lines.length === 0 && (await store.runs.list({ pipeline, limit: 1 })).length === 0) {
      await revisionInForce(store, pipeline);
    }
    return {
      lines: [...lines],
      next: next === null ? null : `${next.runSeq}.${next.afterSeq}`,
      searched_back_to: backToMs === null ? null : new Date(backToMs).toISOString(),
    };
  }

  recentOf(pipelines: readonly string[], limit: number) {
    return this.#context.store.history.recentOf(pipelines, limit);
  }

  async ofPipeline(name: string, range: HistoryRange): Promise<PipelineHistory> {
    const { store, clock } = this.#context;
    const revision = await revisionInForce(store, name);
    const timezone = revision === undefined
      ? "UTC"
      : schedulesOf(revision.revision.definition)[0]?.timezone ?? "UTC";
    const wanted = Math.min(Math.max(range.days ?? MAX_HISTORY_DAYS, 1), MAX_HISTORY_DAYS);
    const days = daysUntil(clock.now(), timezone, wanted);
    const counts = [];
    for (let first = 0; first < days.length; first += CHUNK_DAYS) {
      const spans = days.slice(first, first + CHUNK_DAYS).map(({ startMs }, index) => ({
        fromMs: startMs,
        untilMs: days[first + index + 1]?.startMs ?? Number.MAX_SAFE_INTEGER,
      }));
      const beganMs = performance.now();
      counts.push(...await store.history.counts(name, spans));
      if (performance.now() - beganMs > CHUNK_MS) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const runs = await store.history.lastRuns(
      name,
      Math.min(Math.max(range.runs ?? DEFAULT_TREND_RUNS, 0), MAX_TREND_RUNS),
    );
    return {
      pipeline: name,
      timezone,
      from: days[0]?.date ?? "",
      to: days.at(-1)?.date ?? "",
      days: countDays(days, counts),
      runs,
      steps: await store.history.steps(runs.map(({ id }) => id)),
    };
  }
}

function placeOf(cursor: string): LogPlace {
  const [, runSeq, afterSeq] = /^(\d{1,15})\.(\d{1,15})$/.exec(cursor) ?? [];
  if (runSeq === undefined || afterSeq === undefined) {
    throw new AppError("invalid", `Cannot search logs after "${cursor}": take \`next\` of the page before`, {
      reason: "unknown_cursor",
    });
  }
  return { runSeq: Number(runSeq), afterSeq: Number(afterSeq) };
}
