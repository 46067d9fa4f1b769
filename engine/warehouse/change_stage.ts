import { CHANGE_OPERATIONS, type ChangeOperation } from "../../contract/connector/changes.ts";
import { quoteIdentifier } from "../../contract/sql.ts";

/**
 * Where a stream's changes wait until they are applied: a table with a row for each, its values in the
 * source's columns, and beside them what the change was. It comes and goes within one transaction.
 */

export const stageTableName = (stream: string): string => `changes ${stream}`;
export const stageTable = (stream: string): string => `_sluice.${quoteIdentifier(stageTableName(stream))}`;

/** The names of our columns; no source's column has parentheses around its name, or it is refused. */
export const STAGE = {
  /** The changes' order, from 1. */
  sequence: "(sequence)",
  /** Its place in CHANGE_OPERATIONS. */
  operation: "(operation)",
  /** Columns that keep their values, as `,3,7,` by their places; NULL for none. */
  unchanged: "(unchanged)",
  /** 1 where the row had the key of the change before this one. */
  moved: "(moved)",
  position: "(position)",
  committedAt: "(committed_at)",
} as const;

export const STAGE_COLUMNS: readonly string[] = Object.values(STAGE);

export const operationCode = (operation: ChangeOperation): number => CHANGE_OPERATIONS.indexOf(operation);

/** A condition on the stage: the column at this place has no value in the change. */
export const isUnchanged = (place: number, stage = ""): string =>
  `coalesce(contains(${stage}${quoteIdentifier(STAGE.unchanged)}, ',${place},'), false)`;
