import * as v from "valibot";
import { lengthOfTime } from "../../contract/pipeline/lengths.ts";
import { nameKey } from "../../contract/sql.ts";
import { timeText } from "../../text/moment.ts";
import { listWords } from "../../text/suggest.ts";

/** The keys of a model's header that say how its table is built. */

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
export const columnList = v.pipe(v.array(text), v.minLength(1, "expected at least one column"));

export const MATERIALIZATIONS = ["table", "view", "incremental", "scd2", "ephemeral"] as const;
export type Materialization = (typeof MATERIALIZATIONS)[number];

/** What an incremental model's rows do to those of its table. */
const STRATEGIES = ["merge", "append", "delete_insert", "insert_overwrite"] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** What becomes of an incremental table's rows when the model's definition changes. */
const CHANGE_WAYS = ["fail", "append", "full_refresh"] as const;
export type ChangeWay = (typeof CHANGE_WAYS)[number];

/** What becomes of an incremental table when the query has other columns. */
const SCHEMA_CHANGE_WAYS = ["fail", "ignore", "append_new_columns", "sync_all_columns"] as const;
export type SchemaChangeWay = (typeof SCHEMA_CHANGE_WAYS)[number];

/** What becomes of a history's versions whose key the query no longer returns. */
const DELETES = ["ignore", "soft"] as const;

const moment = v.pipe(
  v.string("expected a date or a time such as 2026-03-01 or 2026-03-01T06:00:00Z"),
  v.check(
    (text) => !Number.isNaN(Date.parse(timeText(text) ?? "")),
    "expected a date or a time such as 2026-03-01 or 2026-03-01T06:00:00Z",
  ),
);

export const buildKeys = {
  materialized: v.optional(
    v.pipe(
      v.picklist(MATERIALIZATIONS),
      v.description(
        "table: built anew by each run. view: computed by its readers. incremental: keeps its rows and takes new " +
          "ones, as its strategy says. scd2: a history, in which a row that changed is a version of its own. " +
          "ephemeral: in no warehouse, a name for a query in others.",
      ),
    ),
    "table",
  ),
  strategy: v.optional(
    v.pipe(
      v.picklist(STRATEGIES),
      v.description(
        "Of an incremental model. merge (default): rows of a known primary_key take the old ones' place. append: " +
          "rows are added. delete_insert: those of the window, or of the partitions that occur, are replaced. " +
          "insert_overwrite: the partitions that occur are replaced.",
      ),
    ),
  ),
  primary_key: v.optional(v.pipe(columnList, v.description("The columns that identify a row."))),
  update_key: v.optional(
    v.pipe(
      text,
      v.description(
        "A column whose greatest value so far is getvariable('cursor') in the next run's SQL; with " +
          "strategy: delete_insert the time by which a row belongs to a window, with materialized: scd2 the time " +
          "from which a version holds.",
      ),
    ),
  ),
  partition_by: v.optional(
    v.pipe(
      v.union([text, columnList], "expected a column or an expression, or a list of such"),
      v.description(
        "Columns or expressions, as date_trunc('month', day): rows of equal values are replaced together.",
      ),
    ),
  ),
  batch_size: v.optional(
    v.pipe(
      lengthOfTime,
      v.description(
        "The window is done in whole periods of this length, each its own transaction: 1d, 6h, 1w, 1mo, 1y.",
      ),
    ),
  ),
  begin: v.optional(
    v.pipe(
      moment,
      v.description("Where the first window begins when the table is built anew; UTC without a zone."),
    ),
  ),
  lookback: v.optional(
    v.pipe(
      v.union(
        [v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_000)), lengthOfTime],
        "expected a number of batches, or a length such as 1d, 6h, 1w, 1mo or 1y",
      ),
      v.description(
        "How far a run's window goes back before its own beginning: batches, or a length of time.",
      ),
    ),
  ),
  on_change: v.optional(
    v.pipe(
      v.picklist(CHANGE_WAYS),
      v.description(
        "When an incremental model has changed: fail stops before its rows are mixed, append keeps the old " +
          "rows, full_refresh builds it anew.",
      ),
    ),
    "fail",
  ),
  on_schema_change: v.optional(
    v.pipe(
      v.picklist(SCHEMA_CHANGE_WAYS),
      v.description(
        "When the query of an incremental model has other columns than its table: fail, ignore new ones, " +
          "append_new_columns, or sync_all_columns (adds, drops, and changes types where each value stays the same).",
      ),
    ),
  ),
  full_refresh: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        "false: --full-refresh leaves the table as it is and goes on with it, as it does with a history without " +
          "this key.",
      ),
    ),
  ),
  deletes: v.optional(
    v.pipe(
      v.picklist(DELETES),
      v.description(
        "Of a history. ignore (default): a version holds on when its key is gone from the query. soft: it ends then.",
      ),
    ),
  ),
  scd2: v.optional(
    v.pipe(
      v.strictObject({
        valid_from: v.optional(v.pipe(text, v.description("Default: valid_from.")), "valid_from"),
        valid_to: v.optional(v.pipe(text, v.description("Default: valid_to.")), "valid_to"),
        is_current: v.optional(v.pipe(text, v.description("Default: is_current.")), "is_current"),
      }),
      v.check(
        (names) => new Set(Object.values(names).map(nameKey)).size === 3,
        "expected three names that are not the same",
      ),
      v.description("The names of a history's own columns."),
    ),
  ),
};

const buildSchema = v.object(buildKeys);
export type BuildHeader = v.InferOutput<typeof buildSchema>;

/** What is wrong with how keys of a header go together; `key` is the one that is to be changed. */
export interface RuleFault {
  readonly key: keyof BuildHeader;
  readonly message: string;
}

/** Keys that only some materializations have. */
const KEYS_OF: Partial<Record<keyof BuildHeader, readonly Materialization[]>> = {
  strategy: ["incremental"],
  update_key: ["incremental", "scd2"],
  partition_by: ["incremental"],
  batch_size: ["incremental"],
  begin: ["incremental"],
  lookback: ["incremental"],
  on_schema_change: ["incremental", "scd2"],
  full_refresh: ["incremental", "scd2"],
  deletes: ["scd2"],
  scd2: ["scd2"],
};

/** The materializations that have the key; undefined where all have. */
export function kindsWith(key: string): readonly Materialization[] | undefined {
  return new Map(Object.entries(KEYS_OF)).get(key);
}

/** All at once: each is a fault of its own. */
export function buildRuleFaults(header: BuildHeader): RuleFault[] {
  const faults: RuleFault[] = [];
  const fail = (key: keyof BuildHeader, message: string) => faults.push({ key, message });
  for (const key of keysOf(header)) {
    const kinds = kindsWith(key);
    if (kinds === undefined || kinds.includes(header.materialized)) continue;
    fail(key, `${key} needs materialized: ${listWords(kinds, "or")}`);
  }
  if (header.full_refresh === false && header.on_change === "full_refresh") {
    fail("full_refresh", "full_refresh: false and on_change: full_refresh say the opposite");
  }
  if (header.materialized === "scd2" && header.primary_key === undefined) {
    fail("materialized", "materialized: scd2 needs primary_key");
  }
  if (header.materialized !== "incremental") return faults;
  const strategy = header.strategy ?? "merge";
  const place = header.strategy === undefined ? "materialized" : "strategy";
  const { primary_key, update_key, partition_by, batch_size, lookback } = header;
  const isByPartition = strategy === "insert_overwrite" || strategy === "delete_insert";
  if (strategy === "merge" && primary_key === undefined) {
    fail(
      place,
      header.strategy === undefined
        ? "materialized: incremental needs primary_key, or a strategy that needs none: append, delete_insert, " +
          "insert_overwrite"
        : "strategy: merge needs primary_key",
    );
  }
  if (strategy === "insert_overwrite" && partition_by === undefined) {
    fail(place, "strategy: insert_overwrite needs partition_by");
  }
  if (strategy === "delete_insert" && partition_by === undefined && update_key === undefined) {
    fail(place, "strategy: delete_insert needs update_key, the time of a row, or partition_by");
  }
  if (partition_by !== undefined && !isByPartition) {
    fail(
      "partition_by",
      `partition_by needs strategy: delete_insert or insert_overwrite, and this is ${strategy}`,
    );
  }
  if (batch_size !== undefined) {
    if (strategy === "append") {
      fail("batch_size", "strategy: append would add the rows of a batch again that is not over yet");
    } else if (isByPartition && partition_by !== undefined) {
      fail("batch_size", "a batch would replace what an earlier one put into the same partition");
    } else if (update_key === undefined) fail("batch_size", "batch_size needs update_key, the time of a row");
  }
  if (lookback !== undefined && strategy === "append") {
    fail("lookback", "strategy: append would add the rows before the window again");
  }
  if (typeof lookback === "number" && batch_size === undefined) {
    fail("lookback", `${lookback} counts batches and needs batch_size; or write a length, as 3d`);
  }
  return faults;
}

function keysOf(header: BuildHeader): (keyof BuildHeader)[] {
  const isKey = (key: string): key is keyof BuildHeader => Object.hasOwn(buildKeys, key);
  return Object.keys(header).filter(isKey).filter((key) => header[key] !== undefined);
}
