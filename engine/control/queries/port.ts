import type { ModelPreview } from "../../../contract/queries/preview.ts";
import type { Completion, QueryResult } from "../../../contract/queries/query.ts";
import type { RowsWanted } from "../../../contract/queries/rows.ts";
import type { ProjectSource } from "../models/port.ts";

export interface PreviewRequest extends RowsWanted {
  readonly pipeline: string;
  readonly model: string;
  /** The project whose SQL is meant; the revision in force without. */
  readonly project?: ProjectSource | undefined;
  /** As a run's. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** What the model is shown for; all of time until now by default. */
  readonly window?: { readonly start: string | null; readonly end: string } | undefined;
}

export interface QueryRequest extends RowsWanted {
  /** One SELECT, or what describes or explains one. */
  readonly sql: string;
  /** Whose tables are meant where a name says no more; others by their names, as `orders.daily`. */
  readonly pipeline?: string | undefined;
}

export type CompletionRequest = Pick<QueryRequest, "sql" | "pipeline">;

/** What the one who asks may see of it. */
export interface QueryLimits {
  /** Whether rows of the pipeline may be looked at. */
  readonly mayRead: (pipeline: string) => boolean;
}

/** Looks at rows of warehouses, in copies that nobody else has: changes nothing, and keeps no run waiting. */
export interface Queries {
  /**
   * Throws not_found for a pipeline or model that there is not, invalid for SQL with faults, params that do not fit, and where
   * rows are missing that a run would read, unavailable where a run goes on for too long or too many ask, timeout.
   */
  preview(request: PreviewRequest, signal: AbortSignal): Promise<ModelPreview>;
  /**
   * The rows of a query. Throws not_found for a pipeline that there is not, invalid for SQL that is no query or fails, with its
   * place, and for a pipeline without tables, unavailable where nothing can be read while a run goes on or too many ask, timeout.
   */
  query(request: QueryRequest, signal: AbortSignal, limits?: QueryLimits): Promise<QueryResult>;
  /** How SQL that ends here may go on. Throws likewise. */
  complete(request: CompletionRequest, signal: AbortSignal, limits?: QueryLimits): Promise<Completion>;
}
