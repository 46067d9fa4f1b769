import type { Migration } from "../migration.ts";

/** The rows that a run reads again: see `Range` in contract/range.ts. */
export const runRange: Migration = {
  id: 6,
  name: "run range",
  statements: [`alter table runs add column range text`],
};
