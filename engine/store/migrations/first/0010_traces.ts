import type { Migration } from "../migration.ts";

/** Whose trace a run is a part of, and where its attempts since the last retry that was asked for begin. */
export const traces: Migration = {
  id: 10,
  name: "traces",
  statements: [
    `alter table runs add column traceparent text`,
    `alter table runs add column retried_after integer`,
  ],
};
