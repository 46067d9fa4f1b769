import type { Migration } from "../migration.ts";

/** The text of the definition in force, for people: a revision has what it means alone. */
export const definitionText: Migration = {
  id: 5,
  name: "definition text",
  statements: [`alter table pipelines add column source text`],
};
