import { join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { CheckPlace } from "../../../contract/jobs/check_job.ts";
import type { LiveAnswer, LiveAnswers, LiveAsk } from "../../../contract/jobs/live_job.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import type { Log } from "../../../contract/log.ts";
import { followReports, StderrLines } from "../../runs/attempt/follow_reports.ts";
import { type RunProcess, type RunProcessProgram, spawnRunProcess } from "../../runs/attempt/spawn.ts";
import { residentBytes } from "../processes/process_budget.ts";

/** DuckDB's own limit for one pipeline: its tables have no rows. */
const MEMORY = "1GB";
const LOOK_EVERY_MS = 100;

/** What the process may use up. */
export interface LiveBudget {
  /** Without a sign that it goes on. */
  readonly stallMs: number;
  /** Of the whole process, as the system counts it. */
  readonly memoryBytes: number;
}

export const LIVE_BUDGET: LiveBudget = { stallMs: 10_000, memoryBytes: 2_000_000_000 };

/** The process is no more: it took too much, or ended by itself, while it was at `place`. */
export class LiveStopped extends AppError {
  readonly stopped: "time" | "memory" | "died";
  readonly place: CheckPlace | undefined;

  constructor(stopped: LiveStopped["stopped"], place: CheckPlace | undefined, detail: string) {
    super("unavailable", "The process that checks has ended", { detail });
    this.stopped = stopped;
    this.place = place;
  }
}

export interface LiveProcessOptions {
  readonly runProcess: RunProcessProgram;
  readonly projectDir: string;
  readonly log: Log;
  readonly budget: LiveBudget;
}

interface Asked {
  readonly resolve: (answer: LiveAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** A process that checks what it is sent, and may do nothing else. Disposing of it ends it. */
export class LiveProcess implements AsyncDisposable {
  readonly #process: RunProcess;
  readonly #budget: LiveBudget;
  readonly #asked = new Map<number, Asked>();
  readonly #ending: Promise<void>;
  #id = 0;
  #place: CheckPlace | undefined;
  #signOfLifeMs = 0;
  #exceeded: "time" | "memory" | undefined;
  #isEnded = false;

  private constructor(
    process: RunProcess,
    stderr: StderrLines,
    tempDir: string,
    options: LiveProcessOptions,
  ) {
    this.#process = process;
    this.#budget = options.budget;
    this.#ending = this.#follow(stderr, tempDir, options);
  }

  static async start(options: LiveProcessOptions): Promise<LiveProcess> {
    const { runProcess, projectDir } = options;
    const tempDir = await Deno.makeTempDir({ prefix: "sluice-live-" });
    const stderr = new StderrLines();
    const job = {
      kind: "live",
      projectDir,
      connectors: {},
      duckdb: { directories: [], files: [], memoryLimit: MEMORY },
      tempDir: join(tempDir, "spill"),
    } as const;
    const permissions = { hosts: [], read: [], write: [], deny: [] };
    try {
      const process = await spawnRunProcess(runProcess, job, permissions, stderr.take);
      return new LiveProcess(process, stderr, tempDir, options);
    } catch (error) {
      await Deno.remove(tempDir, { recursive: true });
      throw error;
    }
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Throws LiveStopped where the process is no more, and the error that it reported. */
  async ask<Kind extends LiveAsk["kind"]>(
    ask: Extract<LiveAsk, { readonly kind: Kind }>,
  ): Promise<LiveAnswers[Kind]> {
    if (this.#isEnded) throw new LiveStopped("died", undefined, "");
    const id = this.#id++;
    const { promise, resolve, reject } = Promise.withResolvers<LiveAnswer>();
    this.#asked.set(id, { resolve, reject });
    this.#place = undefined;
    this.#signOfLifeMs = performance.now();
    await this.#process.send({ type: "live", id, ask });
    const answer = await promise;
    if ("error" in answer) {
      const { code, message, ...more } = answer.error;
      throw new AppError(code, message, more);
    }
    // The process returns what belongs to the kind.
    return answer.answer as LiveAnswers[Kind];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await this.#ending;
  }

  async #follow(stderr: StderrLines, tempDir: string, { log }: LiveProcessOptions): Promise<void> {
    const look = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    let detail = "";
    try {
      const onReport = (report: Report) => this.#take(report);
      const never = new AbortController().signal;
      await followReports(this.#process, { redact: (text) => text, log, onReport }, never);
    } catch (error) {
      detail = error instanceof Error ? error.message : String(error);
    } finally {
      clearInterval(look);
      this.#isEnded = true;
      await this.#process[Symbol.asyncDispose]();
      await Deno.remove(tempDir, { recursive: true }).catch(() => {});
      const stopped = new LiveStopped(
        this.#exceeded ?? "died",
        this.#place,
        `${detail}\n${stderr.text}`.trim(),
      );
      for (const { reject } of this.#asked.values()) reject(stopped);
      this.#asked.clear();
    }
  }

  #take(report: Report): void {
    this.#signOfLifeMs = performance.now();
    if (report.type === "checking") this.#place = report.place;
    else if (report.type === "live") {
      this.#asked.get(report.id)?.resolve(report.answer);
      this.#asked.delete(report.id);
    }
  }

  async #look(): Promise<void> {
    if (this.#exceeded !== undefined || this.#isEnded) return;
    const stop = (reason: "time" | "memory") => {
      this.#exceeded ??= reason;
      this.#process.kill();
    };
    const isLate = performance.now() - this.#signOfLifeMs > this.#budget.stallMs;
    if (this.#asked.size > 0 && isLate) stop("time");
    else if (await residentBytes(this.#process.pid) > this.#budget.memoryBytes) stop("memory");
  }
}
