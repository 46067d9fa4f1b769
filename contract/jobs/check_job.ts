import type { SnapshotInputs } from "../snapshots/source.ts";
import type { Fault } from "../../text/fault.ts";
import type { PipelineLineage } from "../lineage/lineage.ts";
import type { PipelineDefinition } from "../pipeline/pipeline.ts";
import type { RevisionFile } from "../revision.ts";
import type { PipelineStep } from "../run.ts";
import type { Column } from "../sql.ts";
import type { TestOutcome } from "../testing/outcome.ts";
import type { UnitTest } from "../testing/unit_test.ts";
import type { JobBase } from "./job_base.ts";

/** Finds what is wrong with definitions and SQL, without rows. */
export interface CheckJob extends JobBase {
  readonly kind: "check";
  /** Those that connectors sign requests with; none where it is left out. */
  readonly scripts?: readonly RevisionFile[];
  readonly pipelines: readonly CheckSubject[];
  /** Published models of other pipelines, as far as their columns are known; none where it is left out. */
  readonly published?: SnapshotInputs;
  /** Whether the subjects' tests are run, and not only looked at. */
  readonly runsTests?: boolean;
  /** How many models are bound in one go at most; as many as are fast unless given. */
  readonly modelsAtOnce?: number;
  /** Whether only the sources are asked: the reports have columns of streams, and what is wrong with them. */
  readonly streamsOnly?: boolean;
  /** Whether the reports are to say where columns come from. */
  readonly wantsLineage?: boolean;
}

export interface CheckSubject {
  readonly name: string;
  /** The pipeline of which it is one of several versions, one behind the other: what they share is bound once. */
  readonly versionOf?: string;
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
  /** The published models that it reads, where other subjects know them otherwise; those of the job unless given. */
  readonly published?: SnapshotInputs;
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
