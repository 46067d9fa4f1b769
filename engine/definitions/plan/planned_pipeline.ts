import type { ModelChange, PipelinePlan } from "../../../contract/plan/plan.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import type { CheckContext } from "../check/check_context.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import type { Compiled, PipelineChanges } from "./plan_pipeline.ts";
import type { PlanSide } from "./plan_side.ts";

/** One pipeline, as it is and as it would be; undefined for a side that there is not. */
export interface PlannedPipeline {
  readonly name: string;
  readonly before: PlanSide | undefined;
  /** What it is compared with, to be read. */
  readonly against: string;
  readonly after: LoadedPipeline | undefined;
  readonly afterScripts: readonly RevisionFile[];
}

/** A pipeline with what of its two versions differs. */
export interface Compared {
  readonly planned: PlannedPipeline;
  readonly changes: PipelineChanges;
}

/** How rows are compared; what it returns of a model is put into its change. */
export type CompareRows = (
  pipeline: string,
  changes: PipelineChanges,
  compiled: Compiled,
  models: readonly ModelChange[],
  signal: AbortSignal,
) => Promise<{ readonly models: readonly ModelChange[]; readonly data: PipelinePlan["data"] }>;

export interface PlanContext extends CheckContext {
  /** The last success of models, by their names. */
  readonly lastBuilds: (pipeline: string) => Promise<ReadonlyMap<string, NonNullable<ModelChange["last"]>>>;
  /** Whether files that streams name may be asked for their columns, where nothing else says them. */
  readonly asksFiles: boolean;
  /** Rows are not compared without it. */
  readonly compareRows?: CompareRows | undefined;
}

/** A file with faults says nothing of what it would be. */
export const isReadable = ({ planned: { after } }: Compared): boolean =>
  after === undefined || after.definition !== undefined;
