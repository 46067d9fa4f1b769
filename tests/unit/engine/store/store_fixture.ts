import type { Revision } from "../../../../contract/revision.ts";
import type { LogLine, PipelineStep, Run, Step } from "../../../../contract/run.ts";
import { fileStoreUrl, openStore, type StoreOptions } from "../../../../engine/store/open.ts";
import type { Claim, Lease, NewRun, RunOutcome } from "../../../../engine/store/ports/runs.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { aesSealer } from "../../../support/aes_sealer.ts";

/** A store in a folder of its own, which goes away with it. `open` opens the same file once more. */
export class StoreFixture implements AsyncDisposable {
  readonly #dir = Deno.makeTempDirSync({ prefix: "sluice store é " });
  readonly #opened: Store[] = [];
  readonly url: string;
  readonly sealer = aesSealer();

  constructor() {
    this.url = fileStoreUrl(this.path);
  }

  get path(): string {
    return `${this.#dir}/con?trol #1%20.db`;
  }

  async open(options?: StoreOptions): Promise<Store> {
    const store = await openStore(this.url, { sealer: this.sealer, ...options });
    this.#opened.push(store);
    return store;
  }

  /** A store that knows pipelines `a` and `b`, each with a revision `rev-a`, `rev-b`. */
  async openWithPipelines(): Promise<Store> {
    const store = await this.open();
    for (const pipeline of ["a", "b"]) await addPipeline(store, pipeline);
    return store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#opened) await store[Symbol.asyncDispose]();
    await Deno.remove(this.#dir, { recursive: true });
  }
}

export async function addPipeline(store: Store, name: string): Promise<void> {
  await store.revisions.save(revision({ id: `rev-${name}`, pipeline: name }), []);
  await store.pipelines.put({ name, origin: "files", revision: `rev-${name}`, faults: [] });
}

export function revision(change: Partial<Revision> = {}): Revision {
  return {
    id: "r1",
    pipeline: "a",
    definition: { tags: [], params: {}, extract: {}, load: {}, overlap: "skip", resources: {} },
    files: [],
    connectors: {},
    ...change,
  };
}

export function pipelineStep(change: Partial<PipelineStep> = {}): PipelineStep {
  return { name: "model:daily", kind: "model", depends: [], summary: "", file: null, sql: null, ...change };
}

export function newRun(id: string, change: Partial<NewRun> = {}): NewRun {
  const pipeline = change.pipeline ?? "a";
  return {
    id,
    pipeline,
    revision: `rev-${pipeline}`,
    trigger: "api",
    triggeredBy: null,
    params: {},
    select: null,
    fullRefresh: false,
    idempotencyKey: null,
    requestHash: null,
    windowEndMs: 1_000,
    createdAtMs: 1_000,
    ...change,
  };
}

/** What a worker with room for a hundred runs claims. */
export async function claim(
  store: Store,
  worker: string,
  nowMs: number,
  more: Partial<Claim> = {},
): Promise<Run | undefined> {
  return (await store.attempts.claim({ worker, nowMs, leaseUntilMs: nowMs + 30_000, maxRuns: 100, ...more }))[
    0
  ];
}

export function lease(run: string, attempt = 1, worker = "me"): Lease {
  return { run, attempt, worker };
}

export function outcome(change: Partial<RunOutcome> = {}): RunOutcome {
  return {
    atMs: 5_000,
    reason: null,
    error: null,
    rowsExtracted: 0,
    rowsLoaded: 0,
    warnings: 0,
    peakRssBytes: null,
    ...change,
  };
}

export function step(name: string, change: Partial<Step> = {}): Step {
  return {
    name,
    kind: "model",
    state: "pending",
    attempt: 1,
    rows: null,
    size_bytes: null,
    started_at: null,
    finished_at: null,
    duration_ms: null,
    error: null,
    sql: null,
    depends: [],
    ...change,
  };
}

export function logLine(seq: number, change: Partial<LogLine> = {}): LogLine {
  return {
    seq,
    at: "2026-01-02T03:04:05.678Z",
    level: "info",
    attempt: null,
    step: null,
    message: `line ${seq}`,
    ...change,
  };
}
