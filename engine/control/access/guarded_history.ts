import type { PipelineHistory } from "../../../contract/runs/history.ts";
import type { RecentRun } from "../../store/ports/history.ts";
import type { LogFindings } from "../../../contract/runs/log_search.ts";
import type { HistoryRange, LogSearchRequest, RunHistory } from "../history/port.ts";
import type { Guard } from "./guard.ts";

/** What has happened in the pipelines that one principal may look at. */
export class GuardedHistory implements RunHistory {
  readonly #inner: RunHistory;
  readonly #guard: Guard;

  constructor(inner: RunHistory, guard: Guard) {
    this.#inner = inner;
    this.#guard = guard;
  }

  async searchLogs(search: LogSearchRequest): Promise<LogFindings> {
    if (search.pipeline) await this.#guard.requireFor("pipeline:view", search.pipeline);
    const pipelines = await this.#guard.only("pipeline:view");
    return await this.#inner.searchLogs(pipelines === undefined ? search : { ...search, pipelines });
  }

  async ofPipeline(name: string, range: HistoryRange): Promise<PipelineHistory> {
    await this.#guard.requireFor("pipeline:view", name);
    return await this.#inner.ofPipeline(name, range);
  }

  async recentOf(
    pipelines: readonly string[],
    limit: number,
  ): Promise<ReadonlyMap<string, readonly RecentRun[]>> {
    return await this.#inner.recentOf(await this.#guard.visible(pipelines, (name) => name), limit);
  }
}
