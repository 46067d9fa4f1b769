import type { Fault } from "../../text/fault.ts";
import type { ErrorRecord } from "../../contract/errors.ts";
import type { ConnectorDefinition, Revision } from "../../contract/pipeline.ts";
import type {
  LogLine,
  ParamValue,
  PipelineStep,
  Run,
  RunDetail,
  RunState,
  Step,
  Trigger,
} from "../../contract/run.ts";
import type { Column } from "../../contract/sql.ts";

/**
 * The control store: what is defined, what ran, who may ask. One process at a time writes it (the
 * data folder's lock sees to that). Every change of a run's state is one guarded statement.
 */
export interface Store extends AsyncDisposable {
  readonly pipelines: PipelineStore;
  readonly revisions: RevisionStore;
  readonly runs: RunStore;
  readonly logs: LogStore;
  readonly access: AccessStore;
}

export interface PipelineRecord {
  readonly name: string;
  readonly origin: "files" | "api";
  /** The revision in force; null while none has been right. */
  readonly revision: string | null;
  readonly paused: boolean;
  readonly faults: readonly Fault[];
  /** When the schedule last fired, epoch milliseconds. */
  readonly lastFiredAtMs: number | null;
}

export interface PipelineStore {
  /** By name; removed ones are left out. */
  list(): Promise<PipelineRecord[]>;
  get(name: string): Promise<PipelineRecord | undefined>;
  /** Creates or changes; brings a removed one back. A revision of undefined keeps the one in force. */
  put(
    pipeline: { name: string; origin: "files" | "api"; revision?: string; faults: readonly Fault[] },
  ): Promise<void>;
  /** Its runs are kept. */
  remove(name: string): Promise<void>;
  setPaused(name: string, paused: boolean): Promise<void>;
  setFired(name: string, atMs: number): Promise<void>;
  /** What each stream of the pipeline looked like when it was last described or read. */
  putStreamColumns(pipeline: string, stream: string, columns: readonly Column[]): Promise<void>;
  streamColumns(pipeline: string): Promise<Record<string, Column[]>>;
  /** The project's connectors, unresolved (no secret is in them); replaces what was there. */
  putConnectors(connectors: Readonly<Record<string, ConnectorDefinition>>): Promise<void>;
  connectors(): Promise<Record<string, ConnectorDefinition>>;
}

export interface RevisionStore {
  /** Does nothing where the id is known. File contents are stored once by hash. */
  save(revision: Revision, steps: readonly PipelineStep[]): Promise<void>;
  get(id: string): Promise<{ revision: Revision; steps: PipelineStep[] } | undefined>;
  has(id: string): Promise<boolean>;
}

export interface NewRun {
  readonly id: string;
  readonly pipeline: string;
  readonly revision: string;
  readonly trigger: Trigger;
  readonly triggeredBy: string | null;
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly select: string | null;
  readonly fullRefresh: boolean;
  readonly idempotencyKey: string | null;
  readonly windowStartMs: number | null;
  readonly windowEndMs: number;
  readonly createdAtMs: number;
}

/** What an attempt's end says about the run. */
export interface RunOutcome {
  readonly atMs: number;
  readonly reason: string | null;
  readonly error: ErrorRecord | null;
  readonly rowsExtracted: number;
  readonly rowsLoaded: number;
  readonly warnings: number;
  readonly peakRssBytes: number | null;
}

export interface RunStore {
  /** `created: false` and the first run where the pipeline has one with this idempotency key. */
  create(run: NewRun): Promise<{ run: Run; created: boolean }>;
  /**
   * Takes the oldest queued run that is due and whose pipeline has none running and no older one
   * queued (a run that waits for its retry keeps its place): `running`, attempt + 1, owner set. The
   * window of a first attempt begins where the last succeeded run's ended. With `pipelines`: only runs
   * of these.
   */
  claim(owner: string, nowMs: number, pipelines?: readonly string[]): Promise<Run | undefined>;
  /** The earliest `not_before` that is still ahead among queued runs, epoch milliseconds. */
  nextDueMs(nowMs: number): Promise<number | undefined>;
  /** Guarded by state `running` and the attempt; undefined where the guard failed. */
  finish(
    id: string,
    attempt: number,
    event: "succeed" | "fail" | "cancel",
    outcome: RunOutcome,
  ): Promise<Run | undefined>;
  /** running → queued with the same guard: for a retry (notBeforeMs) or after the server died. */
  requeue(
    id: string,
    attempt: number,
    notBeforeMs: number | null,
    outcome: RunOutcome,
  ): Promise<Run | undefined>;
  /** queued → cancelled; undefined where it is not queued. */
  cancelQueued(id: string, atMs: number, reason: string): Promise<Run | undefined>;
  /** failed or cancelled → queued; undefined where it is neither. */
  retry(id: string, atMs: number): Promise<Run | undefined>;
  /** Runs in `running` whose owner is another: their server is gone. */
  orphans(owner: string): Promise<Run[]>;
  get(id: string): Promise<RunDetail | undefined>;
  list(filter: { pipeline?: string; state?: RunState; limit: number; before?: string }): Promise<Run[]>;
  /** The newest run of each pipeline. */
  latest(): Promise<Map<string, Run>>;
  /** The greatest `window_end` of the pipeline's succeeded runs, epoch milliseconds. */
  lastWindowEndMs(pipeline: string): Promise<number | null>;
  /** Whether a run of the pipeline is queued or running. */
  isActive(pipeline: string): Promise<boolean>;
  /** Inserts or replaces by name, in the order first seen. */
  putSteps(runId: string, steps: readonly Step[]): Promise<void>;
}

export interface LogStore {
  append(runId: string, lines: readonly LogLine[]): Promise<void>;
  /** In order of seq. */
  read(runId: string, range: { afterSeq: number; limit: number }): Promise<LogLine[]>;
  /** 0 where there is none. */
  lastSeq(runId: string): Promise<number>;
}

export const ROLES = ["admin", "operator", "viewer"] as const;
/** admin: everything. operator: runs, retries, cancels, pauses. viewer: looks. */
export type Role = (typeof ROLES)[number];

export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number | null;
}

/** Tokens and page sessions; only SHA-256 hashes are stored. */
export interface AccessStore {
  createToken(
    token: { id: string; name: string; role: Role; hash: string; createdAtMs: number },
  ): Promise<void>;
  /** Creates it, or gives the token of that name this hash: for SLUICE_TOKEN. */
  putToken(token: { id: string; name: string; role: Role; hash: string; createdAtMs: number }): Promise<void>;
  findToken(hash: string): Promise<TokenRecord | undefined>;
  listTokens(): Promise<TokenRecord[]>;
  /** Its sessions end too. False where there is none of that id. */
  revokeToken(id: string): Promise<boolean>;
  touchToken(id: string, atMs: number): Promise<void>;
  createSession(session: { hash: string; tokenId: string; expiresAtMs: number }): Promise<void>;
  findSession(hash: string, nowMs: number): Promise<TokenRecord | undefined>;
  endSession(hash: string): Promise<void>;
}
