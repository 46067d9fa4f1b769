import { Schema } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { planColumn, UNICODE_CHARSETS } from "../read/plan.ts";
import { arrowField } from "../read/types.ts";
import { isZerofill, labelsOf, resultColumn, typeNumbers } from "./column_facts.ts";
import type { TableFacts } from "./follow_state.ts";
import type { FollowedTable } from "./followed_table.ts";
import type { LoggedColumn } from "./values/logged_column.ts";

/** A followed table as the log has it at one place, and how its rows are read. */
export interface LoggedTable {
  /** The stream. */
  readonly name: string;
  readonly action: string;
  readonly facts: TableFacts;
  /** The columns that are read. */
  readonly columns: readonly LoggedColumn[];
  /** The key's columns, by their place among `columns`. */
  readonly key: readonly number[];
  readonly schema: Schema;
}

const encoder = new TextEncoder();
/** Of a DOUBLE that is declared without one. */
const DOUBLE_WIDTH = 22;

/** Throws `invalid` where the key's columns are not all there. */
export function planLogged(table: FollowedTable, facts: TableFacts): LoggedTable {
  const { text_columns: texts, zero_dates: zeroDates } = table.request.address.options;
  const columns = facts.columns.flatMap((column, place): LoggedColumn[] => {
    if (!facts.read.includes(column.name)) return [];
    const isText = texts.includes(column.name);
    const isUnicode = UNICODE_CHARSETS.has(column.charset ?? "");
    return [{
      ...planColumn(resultColumn(column), { isText, isUnicode, zeroDates }),
      place,
      facts: column,
      labels: labelsOf(column).map((label) => encoder.encode(label)),
      zerofill: isZerofill(column) ? typeNumbers(column)[0] ?? DOUBLE_WIDTH : undefined,
      isText,
    }];
  });
  const key = table.primaryKey.map((name) => columns.findIndex((column) => column.name === name));
  if (key.includes(-1)) {
    throw new AppError(
      "invalid",
      `${table.action}: at a place in its log the table has no "${table.primaryKey.join('", "')}"`,
      { detail: "Run once with --full-refresh to begin with the table as it is now." },
    );
  }
  const schema = new Schema(columns.map(({ name, decode }) => arrowField(name, decode)));
  return { name: table.name, action: table.action, facts, columns, key, schema };
}
