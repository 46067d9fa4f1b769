import type { Dict } from "../project/read_project.ts";
import { optionalText } from "../project/settings.ts";

/** dbt's strategy microbatch as `delete_insert` by a window in batches. */

const SIZES: Readonly<Record<string, string>> = { hour: "1h", day: "1d", month: "1mo", year: "1y" };

export const isMicrobatch = (config: Dict): boolean =>
  config["materialized"] === "incremental" && config["incremental_strategy"] === "microbatch";

/** Keys of the header; undefined where dbt, too, would not take the settings. */
export function microbatchKeys(config: Dict): Dict | undefined {
  const column = optionalText(config["event_time"]);
  const size = SIZES[String(config["batch_size"])];
  const begin = config["begin"];
  if (column === undefined || !/^\w+$/.test(column) || size === undefined || begin === undefined) {
    return undefined;
  }
  return {
    strategy: "delete_insert",
    update_key: column,
    batch_size: size,
    begin: begin instanceof Date
      ? begin.toISOString().slice(0, 19)
      : String(begin).replace(/T00:00(?::00)?$/, ""),
    lookback: typeof config["lookback"] === "number" ? config["lookback"] : 1,
  };
}

/** The rows of a table that are of the batch: dbt reads no others, where the table has an event_time. */
export const ofBatch = (table: string, column: string): string =>
  `(select * from ${table} where ${column} >= getvariable('window_start') and ${column} < getvariable('window_end'))`;
