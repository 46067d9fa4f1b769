import type { Backfill, BackfillWindow } from "../../../contract/backfills/backfill.ts";

/** Backfills are what their runs are: nothing else is stored about them. */
export interface BackfillStore {
  get(group: string): Promise<Backfill | undefined>;
  /** The newest first, behind the group in `cursor`. Throws invalid (reason unknown_cursor). */
  list(
    filter: {
      readonly pipeline?: string;
      readonly pipelines?: readonly string[];
      readonly environment?: string;
      readonly limit: number;
      readonly cursor?: string;
    },
  ): Promise<Backfill[]>;
  /** Of one of them, the earliest first. */
  windows(group: string): Promise<BackfillWindow[]>;
}
