import * as v from "valibot";
import { LOAD_MODES, type LoadShape } from "../connector/destination.ts";
import { stepSettingsSchema } from "./retry.ts";
import { columns, connectorName, options, rowLimit, text } from "./words.ts";

const statements = v.union([text, v.pipe(v.array(text), v.minLength(1, "expected at least one statement"))]);

const historySchema = v.pipe(
  v.strictObject({
    valid_from: v.optional(
      v.pipe(text, v.description("The column with the moment from which a version holds.")),
      "valid_from",
    ),
    valid_to: v.optional(
      v.pipe(text, v.description("The column with the moment at which it ended; NULL in what holds now.")),
      "valid_to",
    ),
    is_current: v.optional(
      v.pipe(text, v.description("The column that is true in the version that holds now.")),
      "is_current",
    ),
  }),
  v.description("For mode scd2: the names of its columns."),
);

/** What all load targets have; the rest (an address, as `table` or `path`) is their connector's. */
export const loadSchema = v.pipe(
  v.objectWithRest({
    connector: v.pipe(
      connectorName,
      v.description("The connector to write to, by its name in connectors.yaml."),
    ),
    mode: v.optional(
      v.pipe(
        v.picklist(LOAD_MODES),
        v.description(
          "replace: the target holds just these rows. append: they are added. merge: updated or added by primary_key. " +
            "delete_insert: they take the place of the target's rows in the same partitions. " +
            "scd2: a history, in which each change of a row is a new version.",
        ),
      ),
      "replace",
    ),
    primary_key: v.optional(
      v.pipe(columns, v.description("The columns that identify a row; needed by merge and scd2.")),
    ),
    partition_by: v.optional(
      v.pipe(
        columns,
        v.description(
          "For delete_insert: the columns that tell partitions apart, as [day]; each partition that the rows have is replaced whole.",
        ),
      ),
    ),
    dedup_sort: v.optional(
      v.pipe(
        columns,
        v.description(
          "Of rows with the same primary_key, the one with the greatest values of these columns is loaded; without it a key that comes twice is an error.",
        ),
      ),
    ),
    hard_delete: v.optional(
      v.pipe(
        text,
        v.description(
          "A column that marks deleted rows, by true, a number other than 0 or, where it is neither, any value: they are not loaded; merge deletes their keys from the target, scd2 closes them.",
        ),
      ),
    ),
    deletes: v.optional(
      v.pipe(
        v.picklist(["ignore", "hard", "soft"]),
        v.description(
          "Keys of the target that the rows no longer have: ignore leaves them, hard (for merge) deletes their rows, soft (for scd2) closes them.",
        ),
      ),
      "ignore",
    ),
    changed_only: v.optional(
      v.pipe(
        v.boolean(),
        v.description(
          "For merge and scd2: only rows that changed since the last load are sent, where it is certain what the destination has.",
        ),
      ),
      false,
    ),
    verify: v.optional(
      v.pipe(
        v.boolean(),
        v.description(
          "Read the target back after each load and compare it with what was loaded; a difference fails the step.",
        ),
      ),
      false,
    ),
    max_rejects: v.optional(
      v.pipe(
        rowLimit("1%"),
        v.description(
          "How many rows that the destination rejects, or which share of all as 1%, are kept aside in _sluice.rejects before the step fails; of http.",
        ),
      ),
      0,
    ),
    scd2: v.optional(historySchema),
    pre_sql: v.optional(
      v.pipe(
        statements,
        v.description(
          "SQL that the destination runs before the rows come, in the load's transaction: a text of one statement or several, or a list of such.",
        ),
      ),
    ),
    post_sql: v.optional(
      v.pipe(
        statements,
        v.description("The same after the rows are in their table, before the load takes effect."),
      ),
    ),
    step: v.optional(
      v.pipe(stepSettingsSchema, v.description("How its step is tried again, and how long it may take.")),
    ),
    options: v.optional(v.pipe(options, v.description("Settings of the connector for this target.")), {}),
  }, v.unknown()),
  v.check(
    (l) => (l.mode !== "merge" && l.mode !== "scd2") || l.primary_key !== undefined,
    (issue) => `mode ${modeOf(issue.input)} needs primary_key`,
  ),
  v.check(
    (l) => (l.mode === "delete_insert") === (l.partition_by !== undefined),
    "mode delete_insert needs partition_by, and no other mode has it",
  ),
  v.check(
    (l) => !l.changed_only || l.mode === "merge" || l.mode === "scd2",
    "changed_only needs mode merge or scd2",
  ),
  v.check((l) => l.scd2 === undefined || l.mode === "scd2", "scd2 names columns of mode scd2 only"),
  v.check(
    (l) => l.dedup_sort === undefined || (l.primary_key !== undefined && l.mode !== "append"),
    "dedup_sort needs primary_key, and a mode other than append",
  ),
  v.check(
    (l) => l.hard_delete === undefined || l.mode !== "append",
    "hard_delete needs a mode other than append, which deletes nothing",
  ),
  v.check(
    ({ deletes, mode }) =>
      deletes === "ignore" || (deletes === "hard" && mode === "merge") ||
      (deletes === "soft" && mode === "scd2"),
    "deletes: hard is for mode merge, deletes: soft for mode scd2",
  ),
);

export type LoadDefinition = v.InferOutput<typeof loadSchema>;

const modeOf = ({ mode }: { readonly mode: string }): string => mode;

/** One target or several, as a list. */
export function loadTargets(load: LoadDefinition | readonly LoadDefinition[]): readonly LoadDefinition[] {
  return isList(load) ? load : [load];
}

/** The load as a connector is asked for it; `atMs` is from when on the rows of a history hold. */
export function loadShapeOf(load: LoadDefinition, atMs: number): LoadShape {
  const { mode, primary_key: primaryKey = [], partition_by: partitionBy = [], deletes } = load;
  const shape = {
    mode,
    primaryKey,
    partitionBy,
    deletesMissing: deletes !== "ignore",
    preSql: textsOf(load.pre_sql),
    postSql: textsOf(load.post_sql),
  };
  if (mode !== "scd2") return shape;
  const { valid_from: validFrom, valid_to: validTo, is_current: isCurrent } = load.scd2 ??
    v.parse(historySchema, {});
  return { ...shape, history: { validFrom, validTo, isCurrent, atMs } };
}

const textsOf = (sql: string | readonly string[] | undefined): readonly string[] =>
  sql === undefined ? [] : typeof sql === "string" ? [sql] : sql;

/**
 * Whether the rows that are sent depend on more than each by itself, or are not those of the table, so that they
 * can be chosen only when the table is whole.
 */
export const choosesRows = (load: LoadDefinition): boolean =>
  load.mode === "scd2" || load.changed_only || load.dedup_sort !== undefined ||
  load.hard_delete !== undefined;

/** The columns of its rows that a load names, each with the path of keys that names it. */
export function columnsNamedBy(
  { primary_key = [], partition_by = [], dedup_sort = [], hard_delete }: LoadDefinition,
): readonly { readonly path: readonly (string | number)[]; readonly column: string }[] {
  const listed = Object.entries({ primary_key, partition_by, dedup_sort }).flatMap(([key, names]) =>
    names.map((column, index) => ({ path: [key, index], column }))
  );
  return hard_delete === undefined ? listed : [...listed, { path: ["hard_delete"], column: hard_delete }];
}

const isList = <T>(value: T | readonly T[]): value is readonly T[] => Array.isArray(value);
