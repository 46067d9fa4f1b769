import type { ModelPreview } from "../../../contract/queries/preview.ts";
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

/** Looks at rows of warehouses, in copies that nobody else has: changes nothing, and keeps no run waiting. */
export interface Queries {
  /**
   * Throws not_found for a pipeline or model that there is not, invalid for SQL with faults, params that do not fit, and where
   * rows are missing that a run would read, unavailable where a run goes on for too long or too many ask, timeout.
   */
  preview(request: PreviewRequest, signal: AbortSignal): Promise<ModelPreview>;
}
