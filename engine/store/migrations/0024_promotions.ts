import type { Migration } from "./migration.ts";

/** Runs that take over the tables of an environment. */
export const promotions: Migration = {
  id: 24,
  name: "promotions",
  statements: [`alter table runs add column promotes text`],
};
