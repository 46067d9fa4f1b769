import type { Migration } from "../migration.ts";

/** What a step did besides its rows: see `Step` in contract/run.ts. */
export const stepReceipts: Migration = {
  id: 3,
  name: "step receipts",
  statements: [`alter table step_runs add column receipt text`],
};
