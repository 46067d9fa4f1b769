import type { Stage } from "../../destination/system.ts";

/**
 * Where rows wait that cannot go into their table as they are sent: a temporary table, which only its session
 * sees, which neither begins nor ends a transaction, and which goes with the session.
 */
export const STAGE = temporary(`"_sluice_stage"`);
/** Where the keys wait whose rows are to go. */
export const GONE = temporary(`"_sluice_gone"`);

export const isStage = (relation: string): boolean =>
  relation === STAGE.relation || relation === GONE.relation;

/** It counts its rows as they come. */
function temporary(relation: string): Stage {
  const place = `"_sluice_row"`;
  return {
    relation,
    place,
    create: (definitions) =>
      `CREATE TEMPORARY TABLE ${relation} (${place} bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, ${definitions}) ENGINE=InnoDB`,
    drop: `DROP TEMPORARY TABLE ${relation}`,
  };
}
