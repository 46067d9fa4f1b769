import type { ColumnLineage, TableLineage } from "../lineage/lineage.ts";
import type { Severity } from "../checks/schema.ts";
import type { RunState, StepState } from "../run.ts";

/**
 * What there is to know of a project without looking at a row, as `sluice docs` writes it into catalog.json and onto its
 * pages. Lists are in the order of the project's files; times are ISO 8601 in UTC.
 */
export interface ProjectDocs {
  /** Raised where something of the shape goes, or means something else. */
  readonly format: 1;
  readonly title: string;
  /** By name. */
  readonly pipelines: readonly PipelineDocs[];
  /** By name. */
  readonly macros: readonly MacroDocs[];
}

export interface PipelineDocs {
  readonly name: string;
  readonly description: string | null;
  readonly owner: string | null;
  readonly tags: readonly string[];
  /** In words, as `every day at 06:30 Europe/Paris`. */
  readonly schedules: readonly string[];
  /** The pipelines whose successes start it. */
  readonly after: readonly string[];
  /** How old its data may become, as `1d`. */
  readonly freshness: string | null;
  readonly params: readonly ParamDocs[];
  /** Each behind those that it reads. */
  readonly tables: TableDocs[];
  readonly last: PipelineResult | null;
}

export interface ParamDocs {
  readonly name: string;
  readonly type: string;
  readonly description: string | null;
}

/** The newest run that has ended, and when one last succeeded. */
export interface PipelineResult {
  readonly run: string;
  readonly state: RunState;
  readonly warnings: number;
  readonly finished_at: string | null;
  readonly duration_ms: number | null;
  readonly succeeded_at: string | null;
}

/** What a stream reads, its raw table, a model or a seed, or what a load writes. */
export interface TableDocs extends TableLineage {
  readonly columns: ColumnDocs[];
  readonly description: string | null;
  readonly tags: readonly string[];
  /** Relative to the project. */
  readonly file: string | null;
  /** Of a model; of a stream the query that it asks its source. */
  readonly sql: string | null;
  /** Of a model: table, view, incremental, scd2, ephemeral, seed. */
  readonly materialized: string | null;
  /** Of an incremental model. */
  readonly strategy: string | null;
  /** Of a stream or a load: full, incremental, merge. */
  readonly mode: string | null;
  readonly primary_key: readonly string[];
  readonly update_key: string | null;
  /** Whether its header lists all of its columns, and it may have no others. */
  readonly contract: boolean;
  /** Whether GET /api/data has its rows. */
  readonly published: boolean;
  readonly checks: readonly CheckDocs[];
  readonly last: TableResult | null;
}

export interface ColumnDocs extends ColumnLineage {
  readonly description: string | null;
}

export interface CheckDocs {
  /** Unique in its table, as `not_null_day`. */
  readonly name: string;
  /** What it says, as `not_null(day)`. */
  readonly label: string;
  readonly column: string | null;
  readonly severity: Severity;
  readonly sql: string;
  readonly last: CheckResult | null;
}

/** How a check last ended. */
export interface CheckResult {
  readonly state: StepState;
  /** How many rows fail. */
  readonly rows: number | null;
  readonly at: string | null;
}

/** As a run last wrote it. */
export interface TableResult {
  readonly rows: number | null;
  readonly changed_at: string | null;
}

export interface MacroDocs {
  readonly name: string;
  readonly file: string;
  readonly is_table: boolean;
  /** The comments before it, without their signs. */
  readonly description: string | null;
  /** The whole statement. */
  readonly sql: string;
}
