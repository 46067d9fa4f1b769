import { deepEqual, equal } from "node:assert/strict";
import * as v from "valibot";
import {
  type PipelineDefinition,
  pipelineSchema,
  withDefaults,
} from "../../../contract/pipeline/pipeline.ts";

/** The schema's output, which is what a store keeps. */
const definition = (input: unknown): PipelineDefinition => v.parse(pipelineSchema, input);

const FULL = definition({
  extract: {
    orders: { connector: "shop", stream: "orders", mode: "append", contract: { columns: "freeze" } },
  },
  load: {
    orders: [{ connector: "lake", path: "out/", mode: "append" }, { connector: "lake", path: "b.csv" }],
    daily: { connector: "lake", path: "c.csv" },
  },
  overlap: "queue",
});

/** As a version would have stored it that knew none of the keys that are not required. */
function without(keys: readonly string[], value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => without(keys, item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => !keys.includes(key)).map((
      [key, item],
    ) => [key, without(keys, item)]),
  );
}

Deno.test("withDefaults() leaves a definition of this version as it is", () => {
  deepEqual(withDefaults(FULL), FULL);
});

Deno.test("withDefaults() gives a stored definition the keys that came later, in streams, targets and at the top", () => {
  const old: PipelineDefinition = JSON.parse(
    JSON.stringify(without(["max_rejects", "options", "tags", "types", "resources", "params"], FULL)),
  );
  equal("max_rejects" in (old.extract["orders"] ?? {}), false);
  deepEqual(withDefaults(old), FULL);
});
