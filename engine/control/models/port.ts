import type { ProjectPlan } from "../../../contract/plan/plan.ts";
import type { RevisionFile } from "../../../contract/revision.ts";

/** The files of a project: in a folder of this machine, or as they were sent. */
export type ProjectSource =
  | { readonly folder: string }
  | { readonly files: readonly RevisionFile[] };

/** How rows are compared. */
export interface RowComparison {
  /** How far behind a change models are built; null for all. */
  readonly depth: number | null;
  /** How much of each table is compared, above 0 to 100. */
  readonly samplePercent: number | null;
}

export interface PlanRequest {
  /** The project as it would be. */
  readonly project: ProjectSource;
  /** As both are in this environment; in production by default. */
  readonly environment?: string | undefined;
  /** One pipeline, in an environment as `orders@dev`; all of the project by default. */
  readonly pipeline?: string | undefined;
  readonly against:
    | { readonly kind: "in_force" }
    /** A revision's id or its unique beginning. */
    | { readonly kind: "revision"; readonly id: string }
    /** Another state of the project; `name` is what people call it. */
    | { readonly kind: "project"; readonly name: string; readonly source: ProjectSource };
  /** Only changes of these steps. */
  readonly select?: string | undefined;
  /** Rows are not compared without it. */
  readonly rows?: RowComparison | undefined;
}

/** What the one who asks may see of it. */
export interface PlanLimits {
  /** Whether rows of the pipeline may be looked at. */
  readonly mayCompare: (pipeline: string) => boolean;
  /** Whether it may be told of the pipeline, though it did not name it. */
  readonly mayView: (pipeline: string) => boolean;
}

/** Says what a change of the project would do. */
export interface Plans {
  /**
   * Changes nothing. Throws not_found for a pipeline or revision that there is not, invalid for files that are no project or a
   * selection that selects nothing.
   */
  plan(request: PlanRequest, signal: AbortSignal, limits?: PlanLimits): Promise<ProjectPlan>;
}
