import type { DependencyStore } from "./triggers/dependencies.ts";
import type { SensorStore } from "./triggers/sensors.ts";
import type { Fault } from "../../text/fault.ts";
import type { ErrorRecord } from "../../contract/errors.ts";
import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import type { Range } from "../../contract/range.ts";
import type { Revision, RevisionFile } from "../../contract/revision.ts";
import type {
  AttemptState,
  LogLine,
  ParamValue,
  PipelineStep,
  Run,
  RunDetail,
  RunState,
  Step,
  StepKind,
  StepState,
  Trigger,
} from "../../contract/run.ts";
import type { RunAnnotation } from "../../contract/runs/annotation.ts";
import type { Column } from "../../contract/sql.ts";
import type { BackfillStore } from "./backfills/port.ts";
import type { AlertStore } from "./alerts/alert_store.ts";
import type { HoldStore } from "./holds/port.ts";

/**
 * The control store: what is defined, what ran, who may ask. Several processes may work on one store:
 * each attempt of a run belongs to the worker that holds its lease, every change of a run's state is
 * one guarded statement, and a row of the outbox in the same transaction.
 */
export interface Store extends AsyncDisposable {
  readonly pipelines: PipelineStore;
  readonly dependencies: DependencyStore;
  readonly sensors: SensorStore;
  readonly revisions: RevisionStore;
  readonly runs: RunStore;
  readonly attempts: AttemptStore;
  readonly backfills: BackfillStore;
  readonly logs: LogStore;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly alerts: AlertStore;
  readonly figures: FigureStore;
  readonly retention: RetentionStore;
  readonly access: AccessStore;
  readonly holds: HoldStore;
  /**
   * Writes all of it, as it is at one moment, into a new file, and returns the last migration that it has had.
   * Throws `invalid` for a store that is in no file here.
   */
  copyTo(path: string): Promise<number>;
}

export interface PipelineRecord {
  readonly name: string;
  readonly origin: "files" | "api";
  /** The revision in force; null while none has been right. */
  readonly revision: string | null;
  readonly paused: boolean;
  readonly faults: readonly Fault[];
  /** When the schedule last fired, epoch milliseconds, as versions wrote it that had no marks of schedules. */
  readonly lastFiredAtMs: number | null;
}

/** Up to when the firings of a schedule are dealt with. */
export interface ScheduleMark {
  readonly pipeline: string;
  /** Tells the pipeline's schedules apart. */
  readonly schedule: string;
  /** Epoch milliseconds. */
  readonly untilMs: number;
}

export interface PipelineStore {
  /** By name; removed ones are left out. */
  list(): Promise<PipelineRecord[]>;
  /** The names of those that `list` gives. */
  names(): Promise<string[]>;
  get(name: string): Promise<PipelineRecord | undefined>;
  /** Creates or changes; brings a removed one back. A revision of undefined keeps the one in force. */
  put(
    pipeline: { name: string; origin: "files" | "api"; revision?: string; faults: readonly Fault[] },
  ): Promise<void>;
  /** The text of the definition in force, with its path in the project, as it was written. */
  source(name: string): Promise<RevisionFile | undefined>;
  /** For a definition that was written anew and means the same as before. */
  putSource(name: string, source: RevisionFile): Promise<void>;
  /** Its runs are kept. */
  remove(name: string): Promise<void>;
  setPaused(name: string, paused: boolean): Promise<void>;
  scheduleMarks(): Promise<ScheduleMark[]>;
  /** They never go back. */
  putScheduleMarks(marks: readonly ScheduleMark[]): Promise<void>;
  /** Of schedules that are no more. */
  forgetScheduleMarks(marks: readonly Omit<ScheduleMark, "untilMs">[]): Promise<void>;
  /**
   * What each stream of the pipeline looked like when it was last described or read. With a lease:
   * only while that is held.
   */
  putStreamColumns(
    pipeline: string,
    stream: string,
    columns: readonly Column[],
    lease?: Lease,
  ): Promise<void>;
  streamColumns(pipeline: string): Promise<Record<string, Column[]>>;
  /** The project's connectors, unresolved (no secret is in them); replaces what was there. */
  putConnectors(connectors: Readonly<Record<string, ConnectorDefinition>>): Promise<void>;
  connectors(): Promise<Record<string, ConnectorDefinition>>;
}

/** A revision without its files, which may be many and long. */
export type RevisionHead = Omit<Revision, "files">;

export interface RevisionStore {
  /** Does nothing where the id is known. File contents are stored once by hash. */
  save(revision: Revision, steps: readonly PipelineStep[]): Promise<void>;
  get(id: string): Promise<{ revision: Revision; steps: PipelineStep[] } | undefined>;
  /** The same without files and steps: what starting and listing pipelines need. */
  head(id: string): Promise<RevisionHead | undefined>;
  /** Those in force, by pipeline: for all at once. */
  headsInForce(): Promise<Map<string, RevisionHead>>;
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
  /** Of what was asked for: with a known idempotency key it must be the same. Null compares with nothing. */
  readonly requestHash: string | null;
  /** The window that was asked for, epoch milliseconds; undefined: from where the last one ended. */
  readonly window?: { readonly startMs: number | null; readonly endMs: number };
  readonly range?: Range;
  /** Where a window that was not asked for ends, as far as the clock says. */
  readonly windowEndMs: number;
  readonly createdAtMs: number;
  readonly group?: string;
  readonly parent?: string;
  /** 0 by default; the higher goes first. */
  readonly priority?: number;
  readonly tags?: readonly string[];
  readonly note?: string;
  /** What it needs slots of while it runs, and how many there are of each. */
  readonly limits?: Readonly<Record<string, { readonly slots: number; readonly needed: number }>>;
}

/** An attempt that a worker holds. Every write of the attempt is guarded by it. */
export interface Lease {
  readonly run: string;
  readonly attempt: number;
  readonly worker: string;
  /** For one that takes it over: it is only held while it was not renewed since it ended then. */
  readonly untilMs?: number;
}

export interface Claim {
  readonly worker: string;
  readonly nowMs: number;
  readonly leaseUntilMs: number;
  /** How many runs the worker has at once. */
  readonly maxRuns: number;
  /** Only runs of these. */
  readonly pipelines?: readonly string[];
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
  /** Of the attempt where the run's state does not say it: `stopped` or `lost`. */
  readonly attemptState?: AttemptState;
  readonly cancelledBy?: string | null;
}

export interface RunFilter {
  readonly pipeline?: string;
  readonly state?: RunState;
  readonly group?: string;
  readonly tag?: string;
  readonly limit: number;
  /** A run's id: only older ones. */
  readonly before?: string;
}

export interface RunStore {
  /**
   * `created: false` and the first run where the pipeline has one with this idempotency key. Throws
   * `conflict`, reason `idempotency_key_reused`, where that asked for something else.
   */
  create(run: NewRun): Promise<{ run: Run; created: boolean }>;
  /**
   * Runs of one pipeline, all at once or none; those whose idempotency keys it has are left out. Throws `conflict`,
   * reason `idempotency_key_reused`, where one of these asked for something else.
   */
  createAll(runs: readonly NewRun[]): Promise<void>;
  /** The earliest `not_before` that is still ahead among queued runs, epoch milliseconds. */
  nextDueMs(nowMs: number): Promise<number | undefined>;
  /** queued → cancelled; undefined where it is not queued. */
  cancelQueued(id: string, atMs: number, reason: string, by: string | null): Promise<Run | undefined>;
  /** Tells whoever holds the lease of a running run to stop it; false where it is not running. */
  askCancel(id: string, by: string): Promise<boolean>;
  /** Changes what people have written on it, which is no change of its state. Undefined where there is no such run. */
  annotate(id: string, annotation: RunAnnotation): Promise<Run | undefined>;
  /** failed or cancelled → queued; undefined where it is neither. */
  retry(id: string, atMs: number): Promise<Run | undefined>;
  /** With an attempt: its steps as they were when that had ended. */
  get(id: string, attempt?: number): Promise<RunDetail | undefined>;
  /** The ids that are `text`, begin with it or end in it, the newest first, at most `limit`. */
  idsLike(text: string, limit: number): Promise<string[]>;
  /** The newest first. Throws `invalid`, reason `unknown_cursor`, for a `before` that is no run. */
  list(filter: RunFilter): Promise<Run[]>;
  /** The newest run of each pipeline. */
  latest(): Promise<Map<string, Run>>;
  /** The newest run of the pipeline after this one that has been started or will be; undefined for none. */
  laterThan(id: string): Promise<string | undefined>;
  /** Where the windows of the pipeline's succeeded runs end, epoch milliseconds; without those asked for and runs of some steps only. */
  lastWindowEndMs(pipeline: string): Promise<number | null>;
  /** Whether a run of the pipeline is queued or running, of another trigger than this one. */
  isActive(pipeline: string, besides?: Trigger): Promise<boolean>;
  /** The last success of each of these steps that load, without those that have had none. */
  lastLoads(pipeline: string, steps: readonly string[]): Promise<LastLoad[]>;
  /** Of each of these steps that extract the last that has begun, in one of the pipeline's newest 20 runs. */
  lastReads(pipeline: string, steps: readonly string[]): Promise<LastRead[]>;
}

/** A step that has begun to read a stream, and the id of its run. */
export interface LastRead {
  readonly run: string;
  readonly step: Step;
}

/** A step that has loaded a table, and its run. */
export interface LastLoad {
  readonly run: Run;
  readonly step: Step;
}

/** An attempt under way, with the run and its lease. */
export interface OpenAttempt {
  readonly run: Run;
  readonly lease: Lease;
  /** Epoch milliseconds by the clock of its worker. */
  readonly leaseUntilMs: number;
  /** Who wants it stopped. */
  readonly cancelAskedBy: string | null;
}

export interface AttemptStore {
  /**
   * Takes the queued run that is next among those that are due: of the highest priority, then the
   * oldest; not while its pipeline has one running or an attempt that waits for its retry, and only
   * where the worker has a slot and each of its limits enough of them. It is then `running` with one attempt more,
   * and holds the slots. A window that was not asked for begins where the last one ended and holds a
   * millisecond at least; later attempts keep it.
   */
  claim(claim: Claim): Promise<Run | undefined>;
  /** Renews every lease of the worker; what it still holds, and who wants which of them cancelled. */
  renew(
    worker: string,
    nowMs: number,
    leaseUntilMs: number,
  ): Promise<{ run: string; attempt: number; cancelAskedBy: string | null }[]>;
  /** Ends the attempt and the run, and frees its slots. Undefined where the lease is not held any more. */
  finish(lease: Lease, event: "succeed" | "fail" | "cancel", outcome: RunOutcome): Promise<Run | undefined>;
  /** Ends the attempt; the run is queued again, until `notBeforeMs` where it waits for its retry. */
  requeue(lease: Lease, notBeforeMs: number | null, outcome: RunOutcome): Promise<Run | undefined>;
  /** How many slots there are of each of these limits from now on. */
  setSlots(limits: Readonly<Record<string, number>>): Promise<void>;
  /** Whether another run of the pipeline has begun an attempt since the first of this run. */
  isOvertaken(runId: string): Promise<boolean>;
  /** Attempts under way at other workers, whether their leases have run out or not. */
  ofOthers(worker: string): Promise<OpenAttempt[]>;
  /** Inserts the steps of this attempt, or replaces them by name. False where the lease is not held. */
  putSteps(lease: Lease, steps: readonly Step[]): Promise<boolean>;
}

export interface LogStore {
  /** False where the lease is not held. */
  append(lease: Lease, lines: readonly LogLine[]): Promise<boolean>;
  /** In order of seq. */
  read(runId: string, range: { afterSeq: number; limit: number }): Promise<LogLine[]>;
  /** 0 where there is none. */
  lastSeq(runId: string): Promise<number>;
}

/** A change of a run's state, written with it: `run` is as the change left it. */
export interface OutboxEvent {
  readonly seq: number;
  readonly kind: "run";
  readonly run: Run;
  readonly createdAtMs: number;
}

/** What everything that reacts to runs reads: whoever keeps the last `seq` misses nothing. */
export interface Outbox {
  /** In order of seq. */
  read(afterSeq: number, limit: number): Promise<OutboxEvent[]>;
  /** 0 where nothing has ever been written. */
  lastSeq(): Promise<number>;
  /** How far the reader of this name is; one that is new begins at the end, and is written down. */
  cursor(name: string): Promise<number>;
  /** The reader has dealt with all up to and with this one. It never goes back. */
  advance(name: string, seq: number): Promise<void>;
  /** Those up to and with this one have reached whom they are for. */
  markDelivered(uptoSeq: number, atMs: number): Promise<void>;
}

/** From where somebody goes on who counts what happens. */
export interface FiguresBegin {
  /** Of the outbox: what is after it is not in the rest. */
  readonly seq: number;
  /** Queued and running ones. */
  readonly active: readonly Run[];
  /** Of each pipeline that has one. */
  readonly lastSucceeded: readonly Run[];
  readonly lastEnded: readonly Run[];
}

/** Steps of one pipeline, kind and state, together. */
export interface AttemptSteps {
  readonly pipeline: string;
  readonly kind: StepKind;
  readonly state: StepState;
  readonly count: number;
  readonly rows: number;
  readonly bytes: number;
  readonly durationMs: number;
}

/** What metrics are made of. Nothing here takes longer where more runs have ended. */
export interface FigureStore {
  /** All of one moment. */
  begin(): Promise<FiguresBegin>;
  /** The steps that these attempts worked on; none of runs that are forgotten. */
  stepsOf(
    attempts: readonly { readonly run: string; readonly attempt: number }[],
  ): Promise<AttemptSteps[]>;
}

export interface InboxMessage {
  readonly hook: string;
  /** Tells one delivery from its repeats. */
  readonly key: string;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly receivedAtMs: number;
}

/** A hook with bodies that are not in its pipeline's warehouse yet, as far as is known. */
export interface OpenHook {
  readonly hook: string;
  /** Of the newest of them. */
  readonly lastSeq: number;
  readonly count: number;
}

/** Bodies of webhooks. They stay until they are settled and old, so that a stream may go by their `seq`. */
export interface Inbox {
  /**
   * On the disk when it returns. `isNew: false`, and the first one's place, where the hook has had this key already;
   * `isSame` says whether that had the same body.
   */
  put(message: InboxMessage): Promise<{ seq: number; isNew: boolean; isSame: boolean }>;
  /** The hook's next message behind this place, whether it is settled or not; undefined where there is none yet. */
  after(hook: string, seq: number): Promise<(InboxMessage & { readonly seq: number }) | undefined>;
  /** Hooks with messages that are not settled. */
  open(): Promise<OpenHook[]>;
  /** Nobody waits for the hook's messages up to and with this one any more. */
  settle(hook: string, uptoSeq: number, atMs: number): Promise<void>;
}

export interface RunsToForget {
  readonly pipeline: string;
  /** Runs from before this may go, epoch milliseconds. */
  readonly beforeMs: number;
  /** The newest so many stay, however old they are. */
  readonly keepNewest: number;
  /** Beyond so many the oldest go, however young they are. */
  readonly keepAtMost: number;
  /** How many to forget in this step. */
  readonly limit: number;
}

/** Forgets what is old, a small step a call: each returns how many rows went, 0 when nothing is left to do. */
export interface RetentionStore {
  /**
   * Ended runs of a pipeline, with their attempts, steps and logs. The run from whose window the next
   * one goes on stays.
   */
  forgetRuns(what: RunsToForget): Promise<number>;
  /**
   * Rows of the outbox from before then that all its readers have dealt with, of the inbox that were settled, problems that
   * were over and alerts that were sent before then.
   */
  forgetMessages(beforeMs: number): Promise<number>;
  /**
   * Idempotency keys that came with requests from before then: such a key makes a new run again. Those that the server
   * makes, which have a space in them, stay with their runs.
   */
  forgetKeys(beforeMs: number): Promise<number>;
  /**
   * Revisions that neither a pipeline nor a run has used since before then, with their files. What is
   * found unused now is noted so: a revision goes only when it is found unused again.
   */
  forgetRevisions(moment: { readonly nowMs: number; readonly unusedBeforeMs: number }): Promise<number>;
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

/**
 * Tokens and page sessions; only SHA-256 hashes are stored. `putToken` and `createSession` count at
 * once also where the store cannot be written now: whoever only looks never depends on a write.
 */
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
  /** Notes when it was last used; that is written later, as well as it goes, and never fails. */
  touchToken(id: string, atMs: number): Promise<void>;
  createSession(session: { hash: string; tokenId: string; expiresAtMs: number }): Promise<void>;
  findSession(hash: string, nowMs: number): Promise<TokenRecord | undefined>;
  endSession(hash: string): Promise<void>;
}
