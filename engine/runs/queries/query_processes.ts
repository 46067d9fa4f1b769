import { join } from "node:path";
import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Answered, Asked, QueriedDatabase } from "../../../contract/jobs/query_job.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import type { Log } from "../../../contract/log.ts";
import type { Policy } from "../../grants/policy.ts";
import { Redactor } from "../../grants/redact.ts";
import { StderrLines } from "../attempt/follow_reports.ts";
import { type RunProcess, type RunProcessProgram, spawnRunProcess } from "../attempt/spawn.ts";
import { openScratchFolder, type ScratchFolder } from "../warehouses/copies_folder.ts";

/** What a query may take of the machine; less where the operator's policy says so. */
const MEMORY = "1GB";
const SPILL = "4GB";
const THREADS = 2;
/** A process that waits costs some 90 MB, and keeps its copies. */
const IDLE_MS = 60_000;

export interface QueryProcessesContext {
  readonly runProcess: RunProcessProgram;
  readonly dataDir: string;
  readonly projectDir: string;
  readonly clock: Clock;
  readonly policy: Pick<Policy, "memoryMax" | "spillMax">;
  readonly log: Log;
}

/** What a process reads. Whoever gives it to one is done with it. */
export interface QueriedDatabases extends AsyncDisposable {
  readonly databases: readonly QueriedDatabase[];
  readonly pipeline: string | null;
  /** Folders of the files. Absolute. */
  readonly folders: readonly string[];
}

interface Worker {
  readonly key: string;
  readonly given: QueriedDatabases;
  readonly scratch: ScratchFolder;
  readonly process: RunProcess;
  readonly reports: AsyncIterator<Report>;
  readonly stderr: StderrLines;
  readonly redact: (text: string) => string;
  /** Aborted when it is taken again. */
  idle: AbortController;
}

type Unnumbered<T> = T extends unknown ? Omit<T, "id"> : never;

/**
 * Processes that answer queries, each over the copies that it was started with: who may read others gets another process.
 * Those that are done wait a while for the next query over the same.
 */
export class QueryProcesses implements AsyncDisposable {
  readonly #context: QueryProcessesContext;
  readonly #idle: Worker[] = [];
  readonly #ending = new Set<Promise<void>>();
  #isClosed = false;

  constructor(context: QueryProcessesContext) {
    this.#context = context;
  }

  /** Throws what the process says of the query, `timeout`, and the signal's reason. */
  async ask(
    given: QueriedDatabases,
    asked: Unnumbered<Asked>,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Answered> {
    const worker = await this.#take(given);
    let isKept = false;
    try {
      signal.throwIfAborted();
      const answer = await this.#send(worker, { ...asked, id: crypto.randomUUID() }, timeoutMs, signal);
      isKept = true;
      if (!("error" in answer)) return answer;
      const { code, message, detail } = answer.error;
      throw new AppError(code, worker.redact(message), {
        faults: answer.faults,
        ...(detail === undefined ? {} : { detail: worker.redact(detail) }),
      });
    } finally {
      if (isKept) this.#keep(worker);
      else this.#end(worker);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const worker of this.#idle.splice(0)) this.#end(worker);
    await Promise.all(this.#ending);
  }

  async #send(worker: Worker, asked: Asked, timeoutMs: number, signal: AbortSignal): Promise<Answered> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const stop = AbortSignal.any([signal, timeout]);
    const kill = () => worker.process.kill();
    stop.addEventListener("abort", kill, { once: true });
    try {
      await worker.process.send({ type: "ask", asked });
      for (;;) {
        const { done, value } = await worker.reports.next();
        signal.throwIfAborted();
        if (timeout.aborted) {
          throw new AppError(
            "timeout",
            `The query took longer than ${timeoutMs / 1_000} s: read fewer rows, or make a model of it`,
          );
        }
        if (done) {
          throw new AppError("internal", "The process of the query ended early", {
            detail: worker.redact(worker.stderr.text),
          });
        }
        if (value.type === "asked" && value.answer.id === asked.id) return value.answer;
        if (value.type === "log") this.#context.log(value.level, worker.redact(value.message), {});
        if (value.type === "finished" && value.error !== null) {
          throw new AppError(value.error.code, worker.redact(value.error.message));
        }
      }
    } finally {
      stop.removeEventListener("abort", kill);
    }
  }

  /** One that waits and reads the same, or a new one. */
  async #take(given: QueriedDatabases): Promise<Worker> {
    const key = keyOf(given);
    const at = this.#idle.findIndex((worker) => worker.key === key);
    const [worker] = at === -1 ? [] : this.#idle.splice(at, 1);
    if (worker === undefined) return await this.#start(key, given);
    worker.idle.abort();
    await given[Symbol.asyncDispose]();
    return worker;
  }

  async #start(key: string, given: QueriedDatabases): Promise<Worker> {
    const { runProcess, dataDir, projectDir, policy } = this.#context;
    await using stack = new AsyncDisposableStack();
    stack.use(given);
    const scratch = stack.use(await openScratchFolder(dataDir));
    const stderr = new StderrLines();
    const secrets = given.databases.flatMap((one) =>
      "key" in one && one.key !== undefined ? [one.key.key] : []
    );
    const process = await spawnRunProcess(
      runProcess,
      {
        kind: "query",
        databases: given.databases,
        pipeline: given.pipeline,
        projectDir,
        tempDir: join(scratch.path, "spill"),
        connectors: {},
        duckdb: {
          directories: [],
          files: [],
          memoryLimit: least(policy.memoryMax, MEMORY, GIGABYTE),
          spillLimit: least(policy.spillMax, SPILL, 4 * GIGABYTE),
        },
        threads: THREADS,
      },
      { hosts: [], read: [...given.folders], write: [scratch.path], deny: [] },
      stderr.take,
    );
    stack.move();
    const { redact } = new Redactor(secrets);
    const reports = process.reports[Symbol.asyncIterator]();
    return { key, given, scratch, process, reports, stderr, redact, idle: new AbortController() };
  }

  #keep(worker: Worker): void {
    if (this.#isClosed) return this.#end(worker);
    worker.idle = new AbortController();
    this.#idle.push(worker);
    const { signal } = worker.idle;
    void Promise.race([this.#context.clock.sleep(IDLE_MS, signal), worker.process.status]).then(() => {
      const at = this.#idle.indexOf(worker);
      if (signal.aborted || at === -1) return;
      this.#idle.splice(at, 1);
      this.#end(worker);
    });
  }

  #end(worker: Worker): void {
    worker.idle.abort();
    const ending = (async () => {
      await worker.process[Symbol.asyncDispose]();
      await worker.scratch[Symbol.asyncDispose]();
      await worker.given[Symbol.asyncDispose]();
    })().catch(() => {}).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

const GIGABYTE = 1_000_000_000;

function least(most: Policy["memoryMax"], text: string, bytes: number): string {
  return most !== undefined && most.bytes < bytes ? most.text : text;
}

/** Copies have names of their own: the same files are the same rows. */
const keyOf = ({ databases, pipeline }: QueriedDatabases): string =>
  JSON.stringify([
    pipeline,
    databases.map((one) => "path" in one ? [one.pipeline, one.path] : [one.pipeline, one.snapshots]),
  ]);
