import * as v from "valibot";
import { LOAD_MODES, type LoadShape } from "../connector/destination.ts";
import { columns, connectorName, options } from "./words.ts";

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
            "delete_insert: they take the place of the target's rows in the same partitions.",
        ),
      ),
      "replace",
    ),
    primary_key: v.optional(
      v.pipe(columns, v.description("The columns that identify a row; needed by merge.")),
    ),
    partition_by: v.optional(
      v.pipe(
        columns,
        v.description(
          "For delete_insert: the columns that tell partitions apart, as [day]; each partition that the rows have is replaced whole.",
        ),
      ),
    ),
    options: v.optional(v.pipe(options, v.description("Settings of the connector for this target.")), {}),
  }, v.unknown()),
  v.check((l) => l.mode !== "merge" || l.primary_key !== undefined, "mode merge needs primary_key"),
  v.check(
    (l) => (l.mode === "delete_insert") === (l.partition_by !== undefined),
    "mode delete_insert needs partition_by, and no other mode has it",
  ),
);

export type LoadDefinition = v.InferOutput<typeof loadSchema>;

/** One target or several, as a list. */
export function loadTargets(load: LoadDefinition | readonly LoadDefinition[]): readonly LoadDefinition[] {
  return isList(load) ? load : [load];
}

/** The load as a connector is asked for it. */
export function loadShapeOf({ mode, primary_key = [], partition_by = [] }: LoadDefinition): LoadShape {
  return { mode, primaryKey: primary_key, partitionBy: partition_by };
}

/** The columns of its rows that a load names, by the key that names them. */
export function columnsNamedBy(load: LoadDefinition): Readonly<Record<string, readonly string[]>> {
  return { primary_key: load.primary_key ?? [], partition_by: load.partition_by ?? [] };
}

const isList = <T>(value: T | readonly T[]): value is readonly T[] => Array.isArray(value);
