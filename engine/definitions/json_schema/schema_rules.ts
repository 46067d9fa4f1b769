import type { JsonSchema } from "@valibot/to-json-schema";

/**
 * What the schemas of streams and loads check beside the types of their keys, once more as JSON Schema, so
 * that editors see it: tests hold the two together. `addresses` are the keys of which each has exactly one.
 */

const IS_WILDCARD: JsonSchema = {
  required: ["stream"],
  properties: { stream: { type: "string", pattern: '^[^"]*\\*[^"]*$' } },
};

export function streamRules(addresses: readonly string[]): JsonSchema[] {
  return [
    ...exactlyOne(addresses),
    needs("mode", ["incremental"], ["update_key"]),
    {
      if: { required: ["mode"], properties: { mode: { const: "incremental" } }, not: IS_WILDCARD },
      then: { required: ["primary_key"] },
    },
    { if: { required: ["except"] }, then: IS_WILDCARD },
    {
      if: { required: ["deletes"], properties: { deletes: not("ignore") } },
      then: { required: ["mode"], properties: { mode: { const: "incremental" } } },
    },
    {
      if: { required: ["max_deletes"] },
      then: { required: ["deletes"], properties: { deletes: not("ignore") } },
    },
    {
      if: { required: ["lag"] },
      then: { required: ["mode", "update_key"], properties: { mode: not("full") } },
    },
    { not: { required: ["columns", "exclude"] } },
    {
      if: { required: ["history"], properties: { history: { const: true } } },
      then: { required: ["mode"], properties: { mode: { const: "cdc" } } },
    },
    {
      if: { required: ["mode"], properties: { mode: { const: "cdc" } } },
      then: {
        not: { anyOf: ["update_key", "where", "partition"].map((key) => ({ required: [key] })) },
        properties: {
          max_rejects: { const: 0 },
          contract: {
            properties: {
              columns: { enum: ["evolve", "freeze"] },
              types: { enum: ["evolve", "freeze"] },
            },
          },
        },
      },
    },
  ];
}

export function loadRules(addresses: readonly string[]): JsonSchema[] {
  return [...exactlyOne(addresses), needs("mode", ["merge"], ["primary_key"])];
}

function exactlyOne(keys: readonly string[]): JsonSchema[] {
  return keys.length === 0 ? [] : [{ oneOf: keys.map((key) => ({ required: [key] })) }];
}

/** What buildRuleFaults says of a model's header. */
export const MODEL_RULES: readonly JsonSchema[] = [
  ...["strategy", "partition_by", "batch_size", "begin", "lookback"].map((key) =>
    needsKind(key, ["incremental"])
  ),
  ...["update_key", "on_schema_change", "full_refresh"].map((key) => needsKind(key, ["incremental", "scd2"])),
  ...["deletes", "scd2"].map((key) => needsKind(key, ["scd2"])),
  needs("materialized", ["scd2"], ["primary_key"]),
  {
    if: {
      required: ["materialized"],
      properties: { materialized: { const: "incremental" }, strategy: { const: "merge" } },
    },
    then: { required: ["primary_key"] },
  },
  needs("strategy", ["insert_overwrite"], ["partition_by"]),
  {
    if: { required: ["strategy"], properties: { strategy: { const: "delete_insert" } } },
    then: { anyOf: [{ required: ["partition_by"] }, { required: ["update_key"] }] },
  },
  {
    if: { required: ["partition_by"] },
    then: {
      required: ["strategy"],
      properties: { strategy: { enum: ["delete_insert", "insert_overwrite"] } },
    },
  },
  {
    if: { required: ["batch_size"] },
    then: {
      required: ["update_key"],
      not: { required: ["partition_by"] },
      properties: { strategy: not("append") },
    },
  },
  { if: { required: ["lookback"] }, then: { properties: { strategy: not("append") } } },
  {
    if: { required: ["lookback"], properties: { lookback: { type: "number" } } },
    then: { required: ["batch_size"] },
  },
  {
    not: {
      required: ["on_change", "full_refresh"],
      properties: { on_change: { const: "full_refresh" }, full_refresh: { const: false } },
    },
  },
];

/** The key belongs to models of these materializations. */
function needsKind(key: string, kinds: readonly string[]): JsonSchema {
  return {
    if: { required: [key] },
    then: { required: ["materialized"], properties: { materialized: { enum: [...kinds] } } },
  };
}

/** With one of the values in `key`, the `required` keys must be there. */
function needs(key: string, values: readonly string[], required: readonly string[]): JsonSchema {
  return {
    if: { required: [key], properties: { [key]: { enum: [...values] } } },
    then: { required: [...required] },
  };
}

function not(value: string): JsonSchema {
  return { not: { const: value } };
}
