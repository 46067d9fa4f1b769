import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { MetricFamily } from "../../../text/exposition.ts";
import type { ServerStatus } from "../../../contract/runs/server_status.ts";
import type { Store } from "../../store/store.ts";
import type { RunProcesses } from "../attempt/run_processes.ts";
import { repeat } from "../repeat.ts";
import type { Service } from "../service.ts";
import { familiesOf, type MetricSamples } from "./metric_table.ts";
import { type DeliveryFigures, problemSamples } from "./problem_figures.ts";
import { diskSamples, processSamples, runProcessSamples, statusSamples } from "./process_figures.ts";
import { RunFigures } from "./run_figures.ts";

/** How many changes are read at once; and how often, where nobody asks. */
const PAGE = 500;
const READ_EVERY_MS = 15_000;

export interface MetricsContext {
  readonly store: Pick<Store, "figures" | "outbox" | "pipelines" | "alerts">;
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDir: string;
  readonly maxRuns: number;
  readonly processes: RunProcesses;
  /** Who sends alerts counts there. */
  readonly deliveries: DeliveryFigures;
  readonly status: () => Pick<ServerStatus, "starts_runs" | "disk">;
}

/**
 * Counts what the outbox says of runs. Asking it reads the changes since the last time and the list of pipelines, and
 * never the history. Where several servers work on one store, each counts the runs of all.
 */
export class Metrics implements Service {
  readonly #context: MetricsContext;
  readonly #stopping = new AbortController();
  #figures: RunFigures | undefined;
  #seq = 0;
  /** Attempts whose steps could not be read yet. */
  #waiting: { readonly run: string; readonly attempt: number }[] = [];
  #reading: Promise<void> = Promise.resolve();
  #loop: Promise<void> | undefined;

  constructor(context: MetricsContext) {
    this.#context = context;
  }

  start(): void {
    const { clock, log } = this.#context;
    this.#loop = repeat(async () => void await this.#catchUp(), {
      clock,
      signal: this.#stopping.signal,
      firstAfterMs: 0,
      everyMs: READ_EVERY_MS,
      onError: (error) => log("error", "the figures of runs cannot be read", { error: String(error) }),
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    await this.#reading.catch(() => {});
  }

  /** All that has happened until now, and the version of the program. Throws what the store throws. */
  async read(version: string): Promise<MetricFamily[]> {
    const { store, clock, dataDir, maxRuns, processes, deliveries, status } = this.#context;
    const figures = await this.#catchUp();
    const records = await store.pipelines.list();
    figures.keepPipelines(new Set(records.map(({ name }) => name)));
    const ofPipelines: MetricSamples = {
      sluice_pipeline_paused: records.map(({ name, paused }) => ({
        labels: { pipeline: name },
        value: paused ? 1 : 0,
      })),
      sluice_pipeline_faults: records.map(({ name, faults }) => ({
        labels: { pipeline: name },
        value: faults.filter(({ severity }) => severity === "error").length,
      })),
    };
    return familiesOf({
      sluice_build_info: [{ labels: { version, deno: Deno.version.deno }, value: 1 }],
      sluice_queue_slots: [{ labels: {}, value: maxRuns }],
      ...figures.samples(clock.now()),
      ...ofPipelines,
      ...await problemSamples(store.alerts, deliveries),
      ...await runProcessSamples(processes),
      ...await diskSamples(dataDir),
      ...statusSamples(status()),
      ...await processSamples(),
    });
  }

  /** One after the other: each change counts once. */
  async #catchUp(): Promise<RunFigures> {
    this.#reading = this.#reading.catch(() => {}).then(() => this.#take());
    await this.#reading;
    if (this.#figures === undefined) throw new Error("The figures have not begun");
    return this.#figures;
  }

  async #take(): Promise<void> {
    const { figures: stored, outbox } = this.#context.store;
    if (this.#figures === undefined) {
      const begin = await stored.begin();
      this.#figures = new RunFigures(begin);
      this.#seq = begin.seq;
    }
    for (;;) {
      const events = await outbox.read(this.#seq, PAGE);
      this.#waiting.push(...this.#figures.take(events));
      this.#seq = events.at(-1)?.seq ?? this.#seq;
      if (this.#waiting.length > 0) {
        this.#figures.takeSteps(await stored.stepsOf(this.#waiting));
        this.#waiting = [];
      }
      if (events.length < PAGE) return;
    }
  }
}
