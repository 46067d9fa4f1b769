import type { Migration } from "../migration.ts";

/** By it the last success of a load is found, however many runs there are. */
export const lastLoads: Migration = {
  id: 7,
  name: "last loads",
  statements: [
    `create index step_runs_loads on step_runs (name, seq) where kind = 'load' and state = 'succeeded'`,
  ],
};
