import type { ServerKind } from "./connection_options.ts";

/**
 * What every session sets, so that the same value is the same text whoever reads or writes it, and no
 * setting of the server or of the user cuts a statement, a text or a result short. Connections are
 * waited on for as long as the other end of a pipeline needs; a lock on a table's definition is not.
 */

const NET_TIMEOUT_S = 3_600;
const IDLE_TIMEOUT_S = 28_800;
const TABLE_LOCK_TIMEOUT_S = 300;

const COMMON: Readonly<Record<string, string>> = {
  time_zone: "'+00:00'",
  autocommit: "1",
  group_concat_max_len: "1073741824",
  sql_select_limit: "18446744073709551615",
  sql_big_selects: "1",
  sql_auto_is_null: "0",
  completion_type: "0",
  max_error_count: "1024",
  net_write_timeout: String(NET_TIMEOUT_S),
  net_read_timeout: String(NET_TIMEOUT_S),
  wait_timeout: String(IDLE_TIMEOUT_S),
  lock_wait_timeout: String(TABLE_LOCK_TIMEOUT_S),
};

/** The text of statements and results is UTF-8, whatever the columns' own character sets are. */
export const SET_NAMES = "SET NAMES utf8mb4";

/** The variables and their values, as SQL. */
export function settingsOf({ isMariadb }: ServerKind): Readonly<Record<string, string>> {
  return { ...COMMON, [isMariadb ? "max_statement_time" : "max_execution_time"]: "0" };
}

export const setStatement = (settings: Readonly<Record<string, string>>): string =>
  `SET ${Object.entries(settings).map(([name, value]) => `SESSION ${name} = ${value}`).join(", ")}`;
