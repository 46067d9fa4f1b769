import type {
  CreatedEnvironment,
  EnvironmentView,
  PromotedEnvironment,
  RemovedEnvironment,
} from "../../../contract/environments/environment.ts";
import type { PromotionPlan } from "../../../contract/environments/promotion.ts";
import type { TableSample } from "../../../contract/jobs/environments/environment_job.ts";
import type { ApplyResult } from "../../../contract/run.ts";

export interface EnvironmentApply {
  /** A branch, a tag or a commit of the project's repository; its own files by default. */
  readonly ref?: string;
  /** Only these pipelines, by their names in the files; all by default. */
  readonly pipelines?: readonly string[];
  /** What was asked for last goes on, a ref by the commit that it named then. */
  readonly isAutomatic?: boolean;
}

export interface EnvironmentCreate extends Omit<EnvironmentApply, "isAutomatic"> {
  /** The environment whose warehouses are copied; production's by default. */
  readonly from?: string;
  /** How much of each raw table; by default all of it, with all models. */
  readonly sample?: TableSample;
}

export interface PromoteRequest {
  /** Only these, by their names in the files; all by default. */
  readonly pipelines?: readonly string[];
  /** Whether runs take tables over that production would build the same; they do by default. */
  readonly takesTables?: boolean;
  /** Who asks for those runs. */
  readonly triggeredBy?: string;
}

/** Where pipelines run apart from production, as `orders@dev`. */
export interface Environments {
  /** Those that were made, and those of the project's project.yaml, by name. */
  list(): Promise<EnvironmentView[]>;
  /**
   * Puts the project's pipelines in force as they are in the environment. Throws not_found for an environment that the
   * files do not have, a pipeline or a ref; conflict for one that is not whole.
   */
  apply(environment: string, request?: EnvironmentApply): Promise<ApplyResult>;
  /**
   * Gives pipelines of the environment a copy of the warehouses that they have elsewhere, and applies them there. Throws
   * as `apply` does, invalid with their faults where they may not be applied, conflict where one has a warehouse there,
   * unavailable where a run goes on for too long or the disk has no room.
   */
  create(environment: string, request: EnvironmentCreate, signal: AbortSignal): Promise<CreatedEnvironment>;
  /**
   * Puts what is in force in the environment, or these of its pipelines, in force in production, where its files still
   * say that; a run of each then takes over the tables that production would build the same. Throws not_found, conflict where they do not, invalid for pipelines of one that comes from a ref.
   */
  promote(environment: string, request?: PromoteRequest): Promise<PromotedEnvironment>;
  /** What `promote` would take over and what the next run would build, and why; nothing is changed. Throws as it does. */
  planPromotion(
    environment: string,
    pipelines: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<PromotionPlan>;
  /**
   * Removes the environment's pipelines, or these of them, with their warehouses and all else that they have but their
   * runs. Throws not_found, conflict where a run of one is under way.
   */
  remove(environment: string, pipelines?: readonly string[]): Promise<RemovedEnvironment>;
}
