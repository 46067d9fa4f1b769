/** Keys that dbt and SQLMesh have for a model, and what says the same in a header. */
const FOREIGN_KEYS: ReadonlyMap<string, string> = new Map([
  ["unique_key", "primary_key"],
  ["grain", "primary_key"],
  ["incremental_strategy", "strategy"],
  ["event_time", "update_key"],
  ["time_column", "update_key"],
  ["updated_at", "update_key"],
  ["cron", "schedule in the pipeline's file"],
  ["kind", "materialized"],
  ["tests", "checks"],
  ["data_tests", "checks"],
  ["audits", "checks"],
  ["constraints", "checks"],
  ["data_type", "type"],
  ["hard_deletes", "deletes: soft"],
  ["invalidate_hard_deletes", "deletes: soft"],
  ["check_cols", "scd2 without update_key, which compares all columns"],
  ["alias", "the file's name: it is the table's"],
  ["depends_on", "depends"],
  ["full_refresh_on_change", "on_change: full_refresh"],
  ["config", "its keys in the header themselves"],
]);

/** What to write in place of a key of other tools, in `message`'s words for an unknown key; else the message. */
export function inWordsOfHeader(message: string, key: string): string {
  const instead = FOREIGN_KEYS.get(key.toLowerCase());
  const end = message.indexOf("unknown key");
  return instead === undefined || end === -1
    ? message
    : `${message.slice(0, end)}unknown key: what it says is here ${instead}`;
}
