import type { Fault } from "../../text/fault.ts";
import type { ConnectorDefinition } from "../connector/entry.ts";
import type { ErrorRecord } from "../errors.ts";
import type { PipelineLineage } from "../lineage/lineage.ts";
import type { RevisionFile } from "../revision.ts";
import type { PipelineStep } from "../run.ts";
import type { Column } from "../sql.ts";
import type { CheckSubject, DefinitionFault } from "./check_job.ts";
import type { FormattedText } from "./format_job.ts";
import type { JobBase } from "./job_base.ts";

/**
 * Checks pipelines again and again while they are written, one order after the other until its stdin closes. It remembers what it was
 * given and what it found, and asks no source: streams have the columns that are known.
 */
export interface LiveJob extends JobBase {
  readonly kind: "live";
}

/** A pipeline as it is now. The first time all its files are among the changed ones. */
export interface LiveSubject extends Omit<CheckSubject, "files" | "mutedStreams"> {
  readonly changed: readonly RevisionFile[];
  /** Paths of files that it no longer has. */
  readonly removed: readonly string[];
  /** In their order: all of its files. */
  readonly paths: readonly string[];
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  readonly wantsLineage: boolean;
  /** See CheckJob. */
  readonly modelsAtOnce?: number;
}

/** What is found of a pipeline. */
export interface LiveReport {
  readonly faults: readonly (Fault | DefinitionFault)[];
  /** Where they are others than the last time. */
  readonly steps?: readonly PipelineStep[];
  /** Of the models that have other ones than the last time, null where they could not be bound. */
  readonly modelColumns: Readonly<Record<string, readonly Column[] | null>>;
  readonly lineage?: PipelineLineage;
}

/** A function of SQL, one form of it. */
export interface SqlFunction {
  readonly name: string;
  readonly kind: "scalar" | "aggregate" | "table" | "macro";
  /** `col0 VARCHAR`, or the name alone. */
  readonly parameters: readonly string[];
  /** Absent where it depends on what it is called with. */
  readonly returns?: string;
  readonly description?: string;
}

export type LiveAsk =
  | { readonly kind: "check"; readonly subject: LiveSubject }
  | { readonly kind: "forget"; readonly pipeline: string }
  /** Of a pipeline that was checked. */
  | { readonly kind: "lineage"; readonly pipeline: string }
  /** The columns of a SELECT over the tables of a pipeline that was checked. */
  | { readonly kind: "columns"; readonly pipeline: string; readonly sql: string }
  /** What SQL may call: DuckDB's own. */
  | { readonly kind: "functions" }
  | { readonly kind: "format"; readonly text: string };

/** By the kind of what was asked. */
export interface LiveAnswers {
  readonly check: LiveReport;
  readonly forget: null;
  readonly lineage: PipelineLineage;
  readonly columns: readonly Column[];
  readonly functions: readonly SqlFunction[];
  readonly format: FormattedText;
}

export type LiveAnswer =
  | { readonly answer: LiveAnswers[keyof LiveAnswers] }
  | { readonly error: ErrorRecord };
