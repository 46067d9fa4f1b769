import type { FailedRows } from "../checks/failed_rows.ts";
import type { FollowProgress } from "../connector/changes.ts";
import type { FollowedReport } from "../connector/followed.ts";
import type { DiscoveredStream, SeenFile } from "../connector/source.ts";
import type { ConnectionCheck } from "../discovery.ts";
import type { PromotedModel } from "../environments/promotion.ts";
import type { ErrorRecord } from "../errors.ts";
import type { LoadVerification } from "../loads/verification.ts";
import type { LogLevel } from "../log.ts";
import type { TableDiff } from "../plan/table_diff.ts";
import type { RejectChange, StreamRejects } from "../rejects.ts";
import type { Step } from "../run.ts";
import type { ModelReplay } from "../runs/replay.ts";
import type { Column } from "../sql.ts";
import type { StreamSchema } from "../stream_schema.ts";
import type { CommittedStream } from "../streams/stream_view.ts";
import type { Traffic } from "../streams/traffic.ts";
import type { TablePreview } from "../table.ts";
import type { CheckPlace, CheckReport } from "./check_job.ts";
import type { FormattedText } from "./format_job.ts";
import type { LiveAnswer } from "./live_job.ts";
import type { PreviewedRows } from "./preview_job.ts";
import type { Answered } from "./query_job.ts";
import type { Question } from "./questions.ts";
import type { ScriptTrial } from "./script_job.ts";

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
  /** What a ReplayJob has found of one model. */
  | { readonly type: "replayed"; readonly replay: ModelReplay }
  /** What a ConvertJob has put in the place of the warehouse. */
  | { readonly type: "converted"; readonly tables: number; readonly rows: number }
  /** What an EnvironmentJob has made the warehouse of. */
  | { readonly type: "begun"; readonly tables: number; readonly rows: number }
  /** What a CompareJob has found of one model, by its name in the new version. */
  | { readonly type: "compared"; readonly model: string; readonly diff: TableDiff }
  /** What a PromotionJob has found. */
  | { readonly type: "promotion"; readonly models: readonly PromotedModel[] }
  /** What a QueryJob says to what it was asked. */
  | { readonly type: "asked"; readonly answer: Answered }
  /** What a PreviewJob has found. */
  | { readonly type: "previewed"; readonly preview: PreviewedRows }
  /** What a VerifyJob has found of one load. */
  | { readonly type: "verified"; readonly verification: LoadVerification }
  /** What a ReaderJob has written, or why it could not. */
  | {
    readonly type: "read";
    readonly id: string;
    readonly result: { readonly rows: number; readonly next: number | null };
  }
  | { readonly type: "read"; readonly id: string; readonly error: ErrorRecord }
  /** What a LiveJob was asked. */
  | { readonly type: "live"; readonly id: number; readonly answer: LiveAnswer }
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
