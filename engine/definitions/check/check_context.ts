import type { CheckReport, DefinitionFault } from "../../../contract/jobs/check_job.ts";
import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import type { Log } from "../../../contract/log.ts";
import type { PipelineStep } from "../../../contract/run.ts";
import type { Column } from "../../../contract/sql.ts";
import type { TestOutcome } from "../../../contract/testing/outcome.ts";
import type { UnitTest } from "../../../contract/testing/unit_test.ts";
import type { Fault } from "../../../text/fault.ts";
import type { GrantContext } from "../../grants/provide.ts";
import type { ProcessPool } from "../../runs/attempt/process_pool.ts";
import type { RunProcessProgram } from "../../runs/attempt/spawn.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import type { ProcessBudget } from "../processes/process_budget.ts";
import type { PublishedColumns } from "../published/read_columns.ts";
import { ScriptBundles } from "../scripts/script_bundles.ts";
import type { StreamColumns } from "../stream_schemas/schemas_file.ts";

export interface CheckContext extends GrantContext {
  readonly runProcess: RunProcessProgram;
  /** Where a process for a check may wait. */
  readonly processes?: Pick<ProcessPool, "startWaiting">;
  readonly log: Log;
  /** Columns of a pipeline's streams as they were last seen. */
  readonly knownColumns: (pipeline: string) => Promise<Readonly<Record<string, readonly Column[]>>>;
  /** Those of models that pipelines publish which are not checked with them; none by default. */
  readonly publishedColumns?: PublishedColumns;
  /** Called where the check of a pipeline waits for a source. */
  readonly onWaiting?: (pipeline: string) => void;
  /** No source over a network is asked, and a missing secret or variable is a warning. */
  readonly isOffline?: boolean;
  /** Where bundles of scripts are kept from one reading of the project to the next. */
  readonly scripts?: ScriptBundles;
  /** Whether schemas/<pipeline>.yaml are written by what the sources have. */
  readonly writesSchemas?: boolean;
  /** Of each process; DEFAULT_BUDGET where it is absent. */
  readonly checkBudget?: ProcessBudget;
  /** Whether where columns come from is to be told; it is left out by default. */
  readonly wantsLineage?: boolean;
  /** Tests of models, by pipeline. */
  readonly tests?: ReadonlyMap<string, readonly UnitTest[]>;
  /** Whether they are run, and not only looked at. */
  readonly runsTests?: boolean;
  /** Whether only sources are asked, for the columns of their streams: nothing is said of models then. */
  readonly streamsOnly?: boolean;
}

/** What a pipeline was found to be. Only one without an error among its faults may run. */
export interface CheckedPipeline {
  readonly pipeline: LoadedPipeline;
  /** Those of its files and those that DuckDB found. */
  readonly faults: readonly Fault[];
  readonly steps: readonly PipelineStep[];
  readonly streamColumns: Readonly<Record<string, readonly Column[]>>;
  /** Of each model that could be bound. */
  readonly modelColumns: Readonly<Record<string, readonly Column[]>>;
  /** Where it was wanted. */
  readonly lineage?: PipelineLineage;
  /** Of its tests, where they were run. */
  readonly tests: readonly TestOutcome[];
  /** Those of them that only the sources know; absent where they were not looked at. */
  readonly remoteColumns?: StreamColumns;
}

export const isRunnable = (faults: readonly Fault[]): boolean =>
  faults.every((fault) => fault.severity !== "error");

export function checkedAs(
  pipeline: LoadedPipeline,
  found: readonly Fault[],
  report?: CheckReport,
): CheckedPipeline {
  return {
    pipeline,
    faults: [...pipeline.faults, ...found],
    steps: report?.steps ?? [],
    streamColumns: report?.streamColumns ?? {},
    modelColumns: report?.modelColumns ?? {},
    ...(report?.lineage === undefined ? {} : { lineage: report.lineage }),
    tests: report?.tests ?? [],
  };
}

export function placed(pipeline: LoadedPipeline, fault: Fault | DefinitionFault): Fault {
  if (!("path" in fault)) return fault;
  return { ...pipeline.place(fault.path), message: fault.message, severity: fault.severity };
}

export function faultOf(pipeline: LoadedPipeline, message: string): Fault {
  return { file: pipeline.path, message, severity: "error" };
}
