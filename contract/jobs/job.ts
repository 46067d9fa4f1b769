import type { SandboxProgram } from "../connector/connector.ts";
import type { ErrorRecord } from "../errors.ts";
import type { CheckJob } from "./check_job.ts";
import type { CompareJob } from "./compare_job.ts";
import type { ConvertJob } from "./convert_job.ts";
import type { DiscoveryJob } from "./discovery_job.ts";
import type { EnvironmentJob } from "./environments/environment_job.ts";
import type { FormatJob } from "./format_job.ts";
import type { LiveAsk, LiveJob } from "./live_job.ts";
import type { PreviewJob } from "./preview_job.ts";
import type { Asked, QueryJob } from "./query_job.ts";
import type { PromotionJob } from "./environments/promotion_job.ts";
import type { Answer } from "./questions.ts";
import type { ReaderJob, SnapshotRead } from "./reader_job.ts";
import type { RejectsJob } from "./rejects_job.ts";
import type { RunJob } from "./run_job.ts";
import type { ReplayJob } from "./replay_job.ts";
import type { ScriptJob } from "./script_job.ts";
import type { VerifyJob } from "./verify_job.ts";

/**
 * What the server and a run's process say to each other: one JSON object a line, the job and then
 * orders on the process's stdin, reports on its stdout. A closed stdin tells the process to stop;
 * its stderr, and what is no report on its stdout, is kept as log lines.
 */

export type Job =
  | RunJob
  | CheckJob
  | DiscoveryJob
  | RejectsJob
  | VerifyJob
  | ScriptJob
  | ConvertJob
  | EnvironmentJob
  | FormatJob
  | ReaderJob
  | LiveJob
  | CompareJob
  | PreviewJob
  | ReplayJob
  | PromotionJob
  | QueryJob;

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
  | { readonly type: "read"; readonly read: SnapshotRead }
  /** To a LiveJob. */
  | { readonly type: "live"; readonly id: number; readonly ask: LiveAsk }
  /** To a QueryJob. */
  | { readonly type: "ask"; readonly asked: Asked };
