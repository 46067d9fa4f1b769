import type { PipelineHistory } from "../../contract/runs/history.ts";
import { isTerminal } from "../../contract/run_state.ts";
import type { FoundLine, LogFindings } from "../../contract/runs/log_search.ts";
import type { Engine } from "../../engine/control/engine.ts";
import { countDays, daysUntil } from "../../engine/control/history/days.ts";
import type { HistoryRange, LogSearchRequest, RunHistory } from "../../engine/control/history/port.ts";

type Source = Pick<Engine, "getPipeline" | "getRun" | "getRunLogs" | "listRuns">;

/** The history of what a fake engine keeps. A cursor is how many lines came before. */
export class FakeHistory implements RunHistory {
  readonly #engine: Source;
  readonly #now: () => number;

  constructor(engine: Source, now: () => number) {
    this.#engine = engine;
    this.#now = now;
  }

  async searchLogs(
    { pipeline, pipelines, limit = 100, after = "0", ...conditions }: LogSearchRequest,
  ): Promise<LogFindings> {
    const found: FoundLine[] = [];
    for (
      const run of await this.#engine.listRuns({
        ...(pipeline ? { pipeline } : {}),
        ...(pipelines === undefined ? {} : { pipelines }),
        limit: 500,
      })
    ) {
      const lines = await this.#engine.getRunLogs(run.id, { ...conditions, limit: 10_000 });
      found.push(...lines.map((line) => ({ run: run.id, pipeline: run.pipeline, ...line })));
    }
    const end = Number(after) + limit;
    const isAll = end >= found.length;
    return {
      lines: found.slice(Number(after), end),
      next: isAll ? null : String(end),
      searched_back_to: isAll ? null : found[end]?.at ?? null,
    };
  }

  async recentOf(pipelines: readonly string[], limit: number) {
    const entries = pipelines.map(async (pipeline) =>
      [pipeline, await this.#engine.listRuns({ pipeline, limit })] as const
    );
    return new Map(await Promise.all(entries));
  }

  async ofPipeline(name: string, { days = 371, runs: count = 50 }: HistoryRange): Promise<PipelineHistory> {
    const { schedule } = await this.#engine.getPipeline(name);
    const timezone = schedule?.timezone ?? "UTC";
    const range = daysUntil(this.#now(), timezone, days);
    const listed = await this.#engine.listRuns({ pipeline: name, limit: 500 });
    const counts = listed.map(({ created_at, state }) => ({
      fromMs: Date.parse(created_at),
      state,
      count: 1,
    }));
    const ended = listed.filter(({ state }) => isTerminal(state)).slice(0, count).reverse();
    const runs = await Promise.all(ended.map(({ id }) => this.#engine.getRun(id)));
    const names = new Set(runs.flatMap(({ steps }) => steps.map((step) => step.name)));
    return {
      pipeline: name,
      timezone,
      from: range[0]?.date ?? "",
      to: range.at(-1)?.date ?? "",
      days: countDays(range, counts),
      runs: runs.map(({ id, state, created_at, duration_ms, rows_extracted, rows_loaded }) => ({
        id,
        state,
        created_at,
        duration_ms,
        rows_extracted,
        rows_loaded,
      })),
      steps: [...names].map((name) => ({
        name,
        kind: runs.flatMap(({ steps }) => steps).find((step) => step.name === name)?.kind ?? "extract",
        runs: runs.flatMap(({ id, steps }) =>
          steps.filter((step) => step.name === name)
            .map(({ state, duration_ms, rows }) => ({ run: id, state, duration_ms, rows }))
        ),
      })),
    };
  }
}
