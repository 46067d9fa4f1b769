import { equal, ok } from "node:assert/strict";
import { Ajv } from "ajv";
import * as v from "valibot";
import { connectors } from "../../../../../connectors/registry.ts";
import { loadSchema } from "../../../../../contract/pipeline/load.ts";
import { ownKeys } from "../../../../../contract/pipeline/pipeline.ts";
import { streamSchema } from "../../../../../contract/pipeline/stream.ts";
import { createProjectSchemas } from "../../../../../engine/definitions/json_schema/schemas.ts";
import { modelHeaderSchema } from "../../../../../sql/language/model_header.ts";

/** What editors refuse by the published schemas is what `sluice check` refuses, for every combination of keys. */

const ajv = new Ajv({ strict: false });
const schemas = createProjectSchemas(connectors);
const acceptsPipeline = ajv.compile(plain(schemas.pipeline));
const acceptsModel = ajv.compile(plain(schemas.model));

function plain(schema: object): object {
  return JSON.parse(JSON.stringify(schema));
}

/** Every way to take one value of each key; undefined leaves the key out. */
function combinations(keys: Readonly<Record<string, readonly unknown[]>>): Record<string, unknown>[] {
  let all: Record<string, unknown>[] = [{}];
  for (const [key, values] of Object.entries(keys)) {
    all = all.flatMap((one) => values.map((value) => value === undefined ? one : { ...one, [key]: value }));
  }
  return all;
}

Deno.test("the JSON Schema of a stream refuses what its check refuses", () => {
  const found = { accepted: 0, refused: 0 };
  for (
    const stream of combinations({
      connector: ["shop"],
      stream: [undefined, "public.orders"],
      query: [undefined, "SELECT 1"],
      path: [undefined, "*.csv"],
      mode: [undefined, "full", "incremental", "append", "cdc"],
      history: [undefined, true],
      primary_key: [undefined, ["id"]],
      update_key: [undefined, "changed_at"],
      lag: [undefined, "1h"],
      columns: [undefined, ["id"]],
      exclude: [undefined, ["id"]],
    })
  ) {
    const parsed = v.safeParse(streamSchema, stream);
    const isRight = parsed.success &&
      connectors.some(({ streamSchema: own }) =>
        own !== undefined && v.is(own, ownKeys({ ...parsed.output, options: {} }))
      );
    equal(acceptsPipeline({ extract: { orders: stream } }), isRight, JSON.stringify(stream));
    found[isRight ? "accepted" : "refused"]++;
  }
  ok(found.accepted > 50 && found.refused > 50, JSON.stringify(found));
});

Deno.test("the JSON Schema of a load refuses what its check refuses, alone and in a list", () => {
  for (
    const load of combinations({
      connector: ["lake"],
      table: [undefined, "daily"],
      path: [undefined, "daily.csv"],
      mode: [undefined, "replace", "append", "merge"],
      primary_key: [undefined, ["day"]],
    })
  ) {
    const parsed = v.safeParse(loadSchema, load);
    const isRight = parsed.success &&
      connectors.some(({ loadSchema: own }) =>
        own !== undefined && v.is(own, ownKeys({ ...parsed.output, options: {} }))
      );
    equal(acceptsPipeline({ load: { daily: load } }), isRight, JSON.stringify(load));
    equal(acceptsPipeline({ load: { daily: [load] } }), isRight, JSON.stringify(load));
  }
});

Deno.test("the JSON Schema of a model's header refuses what its check refuses", () => {
  for (
    const header of combinations({
      materialized: [undefined, "table", "view", "incremental", "scd2", "ephemeral"],
      primary_key: [undefined, ["day"]],
      update_key: [undefined, "changed_at"],
      strategy: [undefined, "merge", "append", "delete_insert", "insert_overwrite"],
      partition_by: [undefined, "day"],
      batch_size: [undefined, "1d"],
      lookback: [undefined, "1d", 2],
      on_change: [undefined, "full_refresh"],
      full_refresh: [undefined, false],
      deletes: [undefined, "soft"],
    })
  ) {
    equal(acceptsModel(header), v.is(modelHeaderSchema, header), JSON.stringify(header));
  }
});

Deno.test("every key that users write is described", () => {
  const missing: string[] = [];
  const visit = (value: unknown, place: string): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === "allOf") continue;
      if (key === "properties" && typeof inner === "object" && inner !== null) {
        for (const [name, property] of Object.entries(inner)) {
          if (name !== "$schema" && !Object.hasOwn(Object(property), "description")) {
            missing.push(`${place}.${name}`);
          }
        }
      }
      visit(inner, `${place}/${key}`);
    }
  };
  visit(schemas, "");
  equal(missing.join("\n"), "");
});
