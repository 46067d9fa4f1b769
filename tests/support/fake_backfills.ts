import type { Backfill, BackfillDetail } from "../../contract/backfills/backfill.ts";
import { AppError } from "../../contract/errors.ts";
import { itemsBehind } from "../../contract/lists/page.ts";
import { splitSpan } from "../../engine/control/backfills/windows.ts";
import type { BackfillFilter, BackfillRequest, Backfills } from "../../engine/control/backfills/port.ts";

/** Backfills in memory, for tests of what stands on an engine: nothing of them runs. */
export class FakeBackfills implements Backfills {
  readonly #known = new Map<string, BackfillDetail>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(backfill: BackfillDetail): void {
    this.#known.set(backfill.group, backfill);
  }

  async start(pipeline: string, request: BackfillRequest): Promise<BackfillDetail> {
    const spans = splitSpan(request.from, request.to, request.every);
    const iso = (ms: number | undefined) => new Date(ms ?? 0).toISOString();
    const group = request.group ?? `backfill-${this.#known.size + 1}`;
    this.add({
      group,
      pipeline,
      state: "running",
      window_start: iso(spans.at(0)?.startMs),
      window_end: iso(spans.at(-1)?.endMs),
      total: spans.length,
      runs: { queued: spans.length, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
      rows_extracted: 0,
      rows_loaded: 0,
      params: { ...request.params },
      select: request.select ?? null,
      triggered_by: request.triggeredBy ?? null,
      created_at: iso(this.#now()),
      finished_at: null,
      remaining_ms: null,
      windows: spans.map(({ startMs, endMs }, index) => ({
        run: `01930000-0000-7000-9000-${String(index + 1).padStart(12, "0")}`,
        window_start: iso(startMs),
        window_end: iso(endMs),
        state: "queued",
        attempt: 0,
        duration_ms: null,
        rows_loaded: 0,
        error: null,
      })),
    });
    return await this.get(group);
  }

  list({ pipeline, pipelines, limit = 50, cursor }: BackfillFilter): Promise<Backfill[]> {
    const found = [...this.#known.values()].filter((known) =>
      [undefined, known.pipeline].includes(pipeline) && (pipelines?.includes(known.pipeline) ?? true)
    );
    const page = itemsBehind("backfills", found.toReversed(), ({ group }) => group, cursor);
    return Promise.resolve(page.slice(0, limit).map(({ windows: _windows, ...rest }) => rest));
  }

  get(group: string): Promise<BackfillDetail> {
    const found = this.#known.get(group);
    if (found !== undefined) return Promise.resolve(found);
    return Promise.reject(new AppError("not_found", `There is no backfill "${group}"`));
  }

  async retry(group: string): Promise<BackfillDetail> {
    const found = await this.get(group);
    if (found.runs.failed + found.runs.cancelled > 0) return found;
    throw new AppError("conflict", `No run of the backfill "${group}" has failed or was cancelled`);
  }

  cancel(group: string): Promise<BackfillDetail> {
    return this.get(group);
  }
}
