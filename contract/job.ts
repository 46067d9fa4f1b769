import type { FailedRows } from "./checks/failed_rows.ts";
import type { RateLimit, SandboxProgram } from "./connector/connector.ts";
import type { AccessToken, RenewedToken, TokenRequest } from "./connector/tokens.ts";
import type { FollowProgress } from "./connector/changes.ts";
import type { DiscoveredStream, RunFacts, SeenFile } from "./connector/source.ts";
import type { JsonValue } from "./json.ts";
import type { ConnectionCheck } from "./discovery.ts";
import type { FollowedReport } from "./connector/followed.ts";
import type { StreamSchema } from "./stream_schema.ts";
import type { CommittedStream } from "./streams/stream_view.ts";
import type { Traffic } from "./streams/traffic.ts";
import type { ErrorRecord } from "./errors.ts";
import type { PipelineLineage } from "./lineage/lineage.ts";
import type { WarehouseKey } from "./keys/warehouse_key.ts";
import type { Fault } from "../text/fault.ts";
import type { LogLevel } from "./log.ts";
import type { ConnectorDefinition } from "./connector/entry.ts";
import type { TableDiff } from "./plan/table_diff.ts";
import type { PipelineDefinition } from "./pipeline/pipeline.ts";
import type { LoadDefinition } from "./pipeline/load.ts";
import type { StreamDefinition } from "./pipeline/stream.ts";
import type { RejectChange, StreamRejects } from "./rejects.ts";
import type { Range } from "./range.ts";
import type { SnapshotQuery } from "./snapshots/query.ts";
import type { RevisionFile } from "./revision.ts";
import type { ParamValue, PipelineStep, Step } from "./run.ts";
import type { Column } from "./sql.ts";
import type { TablePreview } from "./table.ts";
import type { TestOutcome } from "./testing/outcome.ts";
import type { UnitTest } from "./testing/unit_test.ts";
import type { LoadVerification, Receipt } from "./loads/verification.ts";

/**
 * What the server and a run's process say to each other: one JSON object a line, the job and then
 * orders on the process's stdin, reports on its stdout. A closed stdin tells the process to stop;
 * its stderr, and what is no report on its stdout, is kept as log lines.
 */

/**
 * A connector with its references resolved. It holds secrets: it travels over stdin, never as an argument.
 */
export interface ResolvedConnector {
  readonly type: string;
  readonly config: Readonly<Record<string, unknown>>;
}

interface JobBase {
  readonly projectDir: string;
  /** Where DuckDB may spill; the server removes it afterwards. */
  readonly tempDir: string;
  /** As connectors.yaml has them: references are resolved when the process asks for the config. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  readonly duckdb: DuckDbGrant;
}

/** What the job's DuckDB is locked to. Paths are absolute, links followed. */
export interface DuckDbGrant {
  /** What it may read and write besides the warehouse. */
  readonly directories: readonly string[];
  readonly files: readonly string[];
  /** As DuckDB writes it, `4GB`; its own default where it is absent. */
  readonly memoryLimit?: string;
  readonly spillLimit?: string;
}

export interface RunJob extends JobBase {
  readonly kind: "run";
  readonly runId: string;
  readonly attempt: number;
  readonly pipeline: string;
  readonly definition: PipelineDefinition;
  /** The models. */
  readonly files: readonly RevisionFile[];
  /** None where it is left out. */
  readonly scripts?: readonly RevisionFile[];
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly select: string | null;
  readonly fullRefresh: boolean;
  readonly windowStartMs: number | null;
  readonly windowEndMs: number;
  /** Whether the window was asked for; else each step's begins where it was last done, see engine/worker/models/windows.ts. */
  readonly isWindowGiven: boolean;
  /** Another run has been at the tables since the first attempt: only what is loaded counts as done. */
  readonly isOvertaken?: boolean;
  /** Rows to read again; cursors stay where they are then. */
  readonly range?: Range | null;
  readonly warehousePath: string;
  /** Of an encrypted one. */
  readonly warehouseKey?: WarehouseKey;
  /** The folder of the pipeline's snapshots. Absolute; absent where it publishes nothing. */
  readonly snapshots?: string;
  /** The span of the attempt, as W3C Trace Context writes it: for requests of connectors that are to carry it. */
  readonly traceparent?: string;
  /** The pipeline is no more: what systems keep for it is let go of, and nothing else is done. */
  readonly isRemoved?: boolean;
  /** Where the process is to die, for tests of crashes: see engine/worker/points.ts. */
  readonly dieAt?: string;
}

/** Finds what is wrong with definitions and SQL, without rows. */
export interface CheckJob extends JobBase {
  readonly kind: "check";
  /** Those that connectors sign requests with; none where it is left out. */
  readonly scripts?: readonly RevisionFile[];
  readonly pipelines: readonly CheckSubject[];
  /** Whether the subjects' tests are run, and not only looked at. */
  readonly runsTests?: boolean;
  /** How many models are bound in one go at most; as many as are fast unless given. */
  readonly modelsAtOnce?: number;
  /** Whether the reports are to say where columns come from. */
  readonly wantsLineage?: boolean;
}

export interface CheckSubject {
  readonly name: string;
  /** With the params' defaults in their places. */
  readonly definition: PipelineDefinition;
  /** As it is written, for what is shown of it. */
  readonly written?: PipelineDefinition;
  readonly files: readonly RevisionFile[];
  /** Streams that are not asked, since that would fail or may not be: they have the columns that are known. */
  readonly mutedStreams: readonly string[];
  /** Params of which nothing but the name is known. */
  readonly mutedParams: readonly string[];
  /** Models whose files are a fault already. */
  readonly refusedModels: readonly string[];
  /** Of its models; none where it is left out. */
  readonly tests?: readonly UnitTest[];
  /** Columns of streams as they were last seen, used where the source cannot be asked. */
  readonly knownColumns: Readonly<Record<string, readonly Column[]>>;
}

/** A fault of the definition by its path in the YAML, as ["load", "daily", "primary_key"]. */
export interface DefinitionFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly severity: "error" | "warning";
}

/** What a check is at. */
export interface CheckPlace {
  readonly pipeline: string;
  /** `the model daily`, `the stream orders`, `one of 25 models`. */
  readonly subject: string;
  /** Whether the subject is one of several models, which are bound in one go. */
  readonly isOneOfMany?: boolean;
  /** The model's file. */
  readonly file: string | null;
}

export interface CheckReport {
  readonly name: string;
  readonly faults: readonly (Fault | DefinitionFault)[];
  readonly steps: readonly PipelineStep[];
  readonly streamColumns: Readonly<Record<string, readonly Column[]>>;
  /** Where that was wanted. */
  readonly lineage?: PipelineLineage;
  /** Of each model that could be bound. */
  readonly modelColumns: Readonly<Record<string, readonly Column[]>>;
  /** Of the tests, where they were run. */
  readonly tests?: readonly TestOutcome[];
}

/** Finds what streams a connector has. */
export interface DiscoveryJob extends JobBase {
  readonly kind: "discovery";
  readonly connector: string;
  /** As of a CheckJob. */
  readonly scripts?: readonly RevisionFile[];
  /** Says what works of the connector in place of its streams. */
  readonly isTest?: boolean;
  /** Says what its system keeps for this pipeline in place of them, see Source.followed. */
  readonly follower?: JobFollower;
  /** Says what files this path or glob names in place of them, see Source.look. */
  readonly look?: string;
}

/** A pipeline whose streams follow the connector's log. */
export interface JobFollower {
  readonly pipeline: string;
  readonly token: string;
  /** Where its last run was in the log; null where that is not known. */
  readonly position: string | null;
  readonly streams: Readonly<Record<string, StreamDefinition>>;
}

/** Puts rejects of a stream back into its table, sends those of a load again, or removes them. */
export interface RejectsJob extends JobBase {
  readonly kind: "rejects";
  readonly action: "replay" | "drop";
  /** Or the step of a load. */
  readonly stream: string;
  /** Only those of these positions; all by default. */
  readonly positions?: readonly string[];
  /** Of a stream that is to be replayed. */
  readonly definition?: StreamDefinition;
  /** Of a load whose rows are to be sent again. */
  readonly load?: LoadSentAgain;
  readonly scripts?: readonly RevisionFile[];
  readonly warehousePath: string;
  /** Of an encrypted one. */
  readonly warehouseKey?: WarehouseKey;
  /** As of a RunJob. */
  readonly dieAt?: string;
}

/** What a load's rows are sent with. */
export interface LoadSentAgain {
  readonly definition: PipelineDefinition;
  /** The models. */
  readonly files: readonly RevisionFile[];
  /** The run that kept them. */
  readonly run: RunFacts;
}

/** Runs one script as its stream or its load would, and stores nothing. */
export interface ScriptJob extends JobBase {
  readonly kind: "script";
  /** The stream's name, or that of what is loaded. */
  readonly name: string;
  /** One of the two. */
  readonly stream?: StreamDefinition;
  readonly load?: LoadDefinition;
  /** The rows that it is given: streams that read files, by the names of the streams that they stand for. */
  readonly inputs?: Readonly<Record<string, StreamDefinition>>;
  readonly scripts: readonly RevisionFile[];
  readonly run: RunFacts;
  readonly state?: JsonValue;
  /** The most rows that are wanted. */
  readonly limit: number;
}

/** What a ScriptJob has read. */
export interface ScriptTrial {
  readonly columns: readonly Column[];
  /** At most as many as were wanted, as texts; null is NULL. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** How many rows there were until it ended; of a load, how many it was given. */
  readonly count: number;
  /** False where the script was stopped, since more rows were not wanted. */
  readonly isWhole: boolean;
  /** Of the last checkpoint. */
  readonly state?: JsonValue;
  /** Of a load: rows that the script set aside, at most as many as were wanted, and how many there were. */
  readonly rejects?: readonly RejectedRow[];
  readonly rejectCount?: number;
}

/** A row that a script which takes rows did not want, by its place among all from 1 on. */
export interface RejectedRow {
  readonly row: number;
  readonly reason: string;
}

/** Reads the targets of loads back and compares them with what was loaded. */
export interface VerifyJob extends JobBase {
  readonly kind: "verify";
  readonly pipeline: string;
  readonly definition: PipelineDefinition;
  readonly files: readonly RevisionFile[];
  /** The load that is asked for, as a user names it; null for all. */
  readonly load: string | null;
  /** Of loads that have succeeded, by their steps. */
  readonly receipts: Readonly<Record<string, KnownLoad>>;
  readonly warehousePath: string;
  /** Of an encrypted one. */
  readonly warehouseKey?: WarehouseKey;
}

/** Builds two versions of models in a copy of a warehouse, which nobody else has, and compares their rows. */
export interface CompareJob extends JobBase {
  readonly kind: "compare";
  readonly pipeline: string;
  readonly before: ComparedSide;
  readonly after: ComparedSide;
  /** In the order in which the new version builds them. */
  readonly models: readonly ComparedModel[];
  /** Above 0 to 100; null for all rows. */
  readonly samplePercent: number | null;
  /** Whether values may be told. */
  readonly showsRows: boolean;
  /** What both versions are built for, epoch milliseconds. */
  readonly runStartMs: number;
  /** Of the copy. */
  readonly warehousePath: string;
  /** Of an encrypted one. */
  readonly warehouseKey?: WarehouseKey;
}

/** One version of a pipeline's models. */
export interface ComparedSide {
  readonly definition: Pick<PipelineDefinition, "params" | "functions">;
  readonly files: readonly RevisionFile[];
  /** Raw tables of its streams. */
  readonly streams: readonly string[];
  /** The models to build. */
  readonly build: readonly string[];
  readonly params: Readonly<Record<string, ParamValue>>;
}

/** A model by its name in each version; null where the old one does not have it. */
export interface ComparedModel {
  readonly before: string | null;
  readonly after: string;
  /** The columns that tell its rows apart; empty where it names none. */
  readonly key: readonly string[];
}

/** A load's last success. */
export interface KnownLoad {
  readonly receipt: Receipt;
  /** Whether the definition has the load, and its connector, as they were then. */
  readonly isUnchanged: boolean;
  /** Of its run: models that are views depend on them. */
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly windowStartMs: number | null;
  readonly windowEndMs: number;
}

/** Writes a warehouse anew, encrypted where it is plain and plain where it is encrypted, and puts that in its place. */
export interface ConvertJob extends JobBase {
  readonly kind: "convert";
  readonly action: "encrypt" | "decrypt";
  readonly warehousePath: string;
  /** Where it is written, in the same folder; nothing is there. */
  readonly copyPath: string;
  /** Of the one that is encrypted, before or after. */
  readonly convertKey: WarehouseKey;
  /** As of a RunJob. */
  readonly dieAt?: string;
}

/** Formats texts of SQL, with DuckDB's parser to say whether they mean the same afterwards. */
export interface FormatJob extends JobBase {
  readonly kind: "format";
  readonly texts: readonly string[];
}

/** A text in the house's form, or why it stays as it was. */
export type FormattedText = { readonly text: string } | { readonly kept: string };

/** Reads snapshots, one after the other, as orders come. */
export interface ReaderJob extends JobBase {
  readonly kind: "reader";
  /** DuckDB's. */
  readonly threads: number;
}

/** A snapshot that a ReaderJob is to read. */
export interface SnapshotRead {
  readonly id: string;
  /** Its file, in the process's own folder. Absolute. */
  readonly path: string;
  /** Where the rows are written, in the same folder. */
  readonly outputPath: string;
  /** Of an encrypted one: base64. */
  readonly key?: string;
  readonly query: SnapshotQuery;
}

export type Job =
  | RunJob
  | CheckJob
  | DiscoveryJob
  | RejectsJob
  | VerifyJob
  | ScriptJob
  | ConvertJob
  | FormatJob
  | ReaderJob
  | CompareJob;

/**
 * The job as it is sent. Each report is a line that begins with the key and a space: what SQL or a
 * library writes to stdout cannot pass for one. `sandbox` and `python` are there where the job may run scripts.
 */
export type SentJob = Job & {
  readonly reportKey: string;
  readonly sandbox?: SandboxProgram;
  readonly python?: SandboxProgram;
};

export type Order =
  /** Stop, for the reason that `error` gives. */
  | { readonly type: "cancel"; readonly error: ErrorRecord }
  | { readonly type: "answer"; readonly answer: Answer }
  /** To a ReaderJob. */
  | { readonly type: "read"; readonly read: SnapshotRead };

/** What a process needs of its server while it works; the answer has the same `id`. */
export type Question =
  /**
   * The config of one of its job's connectors, references resolved as they are now. `isAfresh`: the system did not let it
   * in, the secrets may have been changed a moment ago.
   */
  | {
    readonly type: "config";
    readonly id: number;
    readonly connector: string;
    readonly isAfresh?: boolean;
  }
  /** A secret that one of them refers to. */
  | { readonly type: "secret"; readonly id: number; readonly name: string }
  /** The way to a guarded host, `name:port`. */
  | { readonly type: "way_out"; readonly id: number; readonly host: string }
  /** To wait until a request may go to a guarded host: of all processes together so many in so many milliseconds. */
  | { readonly type: "turn"; readonly id: number; readonly host: string; readonly limit: RateLimit | null }
  /** A guarded host wants to be left alone for so long. */
  | { readonly type: "hold"; readonly id: number; readonly host: string; readonly waitMs: number }
  /** The next body that was posted to a webhook of the run's pipeline, behind that of this place. */
  | { readonly type: "posted"; readonly id: number; readonly webhook: string; readonly afterSeq: number }
  /** How much memory a process has that it has started: the sandbox of a script. */
  | { readonly type: "memory"; readonly id: number; readonly pid: number }
  /** An access token of one of its connectors that is good now. */
  | {
    readonly type: "token";
    readonly id: number;
    readonly connector: string;
    readonly request: TokenRequest;
  }
  /** What came of the renewal that the answer to `claim` gave the right to; null where nothing did. */
  | {
    readonly type: "renewed";
    readonly id: number;
    readonly claim: number;
    readonly renewed: RenewedToken | null;
  };

/** It may hold secrets: it travels over stdin, and is stored nowhere. */
export type Answer =
  | {
    readonly type: "config";
    readonly id: number;
    readonly config: Readonly<Record<string, unknown>>;
    /** For so long, in milliseconds, its credentials are good for further connections; without end where it is left out. */
    readonly goodForMs?: number;
  }
  | { readonly type: "secret"; readonly id: number; readonly value: string }
  | { readonly type: "way_out"; readonly id: number; readonly proxy: string; readonly token: string }
  /** For so long further requests to the host that keep to no limit may go without being asked for; 0 where they may not. */
  | { readonly type: "turn"; readonly id: number; readonly freeMs: number }
  | { readonly type: "memory"; readonly id: number; readonly bytes: number | null }
  /** Null where no body came behind it. */
  | {
    readonly type: "posted";
    readonly id: number;
    readonly posted: {
      readonly seq: number;
      readonly contentType: string;
      readonly base64: string;
    } | null;
  }
  | { readonly type: "token"; readonly id: number; readonly access: AccessToken }
  /** It is for this process to renew the token, by the first of these that is taken; all others wait for it. */
  | { readonly type: "renew"; readonly id: number; readonly refreshTokens: readonly string[] }
  | { readonly type: "done"; readonly id: number }
  | { readonly type: "refused"; readonly id: number; readonly error: ErrorRecord };

/** Rows are an estimate. */
export interface SourceTotal {
  readonly rows?: number;
  readonly bytes?: number;
}

export type Report =
  | { readonly type: "log"; readonly level: LogLevel; readonly step: string | null; readonly message: string }
  | { readonly type: "step"; readonly step: Step }
  | {
    readonly type: "progress";
    readonly step: string;
    readonly rows: number;
    readonly sizeBytes: number | null;
    /** How much there is in all, as far as its source knows. */
    readonly total?: SourceTotal;
    readonly traffic?: Traffic;
  }
  | { readonly type: "columns"; readonly stream: string; readonly columns: readonly Column[] }
  /** What a step has written, once that is committed. */
  | { readonly type: "table"; readonly table: TablePreview }
  /** The rejects of a stream, once they are committed. */
  | { readonly type: "rejects"; readonly rejects: StreamRejects }
  /** Rows that failed a check, once they are kept. */
  | { readonly type: "failed_rows"; readonly rows: FailedRows }
  /** How a stream's columns have changed, once that is committed. */
  | { readonly type: "schema"; readonly schema: StreamSchema }
  /** How far a stream is, of what is committed. */
  | { readonly type: "stream"; readonly stream: CommittedStream }
  /** How far a connector's log is followed, of what is committed. */
  | { readonly type: "followed"; readonly followed: FollowedReport }
  /** Files that a DiscoveryJob was to look for. */
  | { readonly type: "seen"; readonly files: readonly SeenFile[] }
  /** What a RejectsJob has done. */
  | { readonly type: "rejects_changed"; readonly change: RejectChange }
  | { readonly type: "tried" } & ScriptTrial
  /** What a ConvertJob has put in the place of the warehouse. */
  | { readonly type: "converted"; readonly tables: number; readonly rows: number }
  /** What a CompareJob has found of one model, by its name in the new version. */
  | { readonly type: "compared"; readonly model: string; readonly diff: TableDiff }
  /** What a VerifyJob has found of one load. */
  | { readonly type: "verified"; readonly verification: LoadVerification }
  /** What a ReaderJob has written, or why it could not. */
  | {
    readonly type: "read";
    readonly id: string;
    readonly result: { readonly rows: number; readonly next: number | null };
  }
  | { readonly type: "read"; readonly id: string; readonly error: ErrorRecord }
  | { readonly type: "question"; readonly question: Question }
  /** A check begins with something that may take long: what it was at is known when it is stopped. */
  | { readonly type: "checking"; readonly place: CheckPlace }
  | { readonly type: "checked"; readonly reports: readonly CheckReport[] }
  /** The texts of a FormatJob, in their order. */
  | { readonly type: "formatted"; readonly texts: readonly FormattedText[] }
  /** Streams that a connector has, some at a time. */
  | { readonly type: "discovered"; readonly streams: readonly DiscoveredStream[] }
  /** What a connector's system keeps for a follower; null for nothing. */
  | { readonly type: "kept"; readonly progress: FollowProgress | null }
  /** What a test of a connector has found. */
  | { readonly type: "tested"; readonly checks: readonly ConnectionCheck[] }
  /** The last line: an error where something failed; the process waits for stdin to close. */
  | { readonly type: "finished"; readonly error: ErrorRecord | null };
