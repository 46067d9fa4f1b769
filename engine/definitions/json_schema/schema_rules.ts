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

export const MODEL_RULES: readonly JsonSchema[] = [
  needs("materialized", ["incremental"], ["primary_key"]),
  {
    if: { required: ["update_key"] },
    then: { required: ["materialized"], properties: { materialized: { const: "incremental" } } },
  },
];

/** With one of the values in `key`, the `required` keys must be there. */
function needs(key: string, values: readonly string[], required: readonly string[]): JsonSchema {
  return {
    if: { required: [key], properties: { [key]: { enum: [...values] } } },
    then: { required: [...required] },
  };
}

const not = (value: string): JsonSchema => ({ not: { const: value } });
