import * as v from "valibot";
import { columns, connectorName, options } from "./words.ts";

const LOAD_MODES = ["replace", "append", "merge"] as const;

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
          "replace: the target holds just these rows. append: they are added. merge: updated or added by primary_key.",
        ),
      ),
      "replace",
    ),
    primary_key: v.optional(
      v.pipe(columns, v.description("The columns that identify a row; needed by merge.")),
    ),
    options: v.optional(v.pipe(options, v.description("Settings of the connector for this target.")), {}),
  }, v.unknown()),
  v.check((l) => l.mode !== "merge" || l.primary_key !== undefined, "mode merge needs primary_key"),
);

export type LoadDefinition = v.InferOutput<typeof loadSchema>;

/** One target or several, as a list. */
export function loadTargets(load: LoadDefinition | readonly LoadDefinition[]): readonly LoadDefinition[] {
  return isList(load) ? load : [load];
}

const isList = <T>(value: T | readonly T[]): value is readonly T[] => Array.isArray(value);
