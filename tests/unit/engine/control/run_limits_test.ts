import { deepEqual } from "node:assert/strict";
import { connectors } from "../../../../connectors/registry.ts";
import { runLimits } from "../../../../engine/control/requests/run_limits.ts";
import * as v from "valibot";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import { revision } from "../store/store_fixture.ts";

const CONNECTORS = {
  shop: { type: "postgres", max_connections: 5 },
  lake: { type: "s3", max_connections: 3 },
  web: { type: "http", max_connections: 4 },
  lite: { type: "sqlite" },
};

function limitsOf(definition: Record<string, unknown>, pools?: Record<string, number>) {
  const whole = { ...revision(), connectors: CONNECTORS, definition: v.parse(pipelineSchema, definition) };
  return runLimits(whole, { connectors, ...(pools === undefined ? {} : { pools }) });
}

Deno.test("runLimits() counts a use as one connection, and those that move parts as all there are", () => {
  const one = { connector: "shop", stream: "public.a" };
  deepEqual(limitsOf({ extract: { a: one, b: one }, load: { a: { connector: "lite", table: "a" } } }), {
    "connector shop": { slots: 5, needed: 2 },
  });
  deepEqual(limitsOf({ extract: { a: { ...one, partition: { column: "id" } } } }), {
    "connector shop": { slots: 5, needed: 5 },
  });
  deepEqual(limitsOf({ extract: { a: one }, load: { a: { connector: "lake", path: "a.parquet" } } }), {
    "connector shop": { slots: 5, needed: 1 },
    "connector lake": { slots: 3, needed: 3 },
  });
  deepEqual(limitsOf({ extract: { a: { connector: "web", endpoint: { path: "/a" } } } }), {
    "connector web": { slots: 4, needed: 1 },
  });
  deepEqual(limitsOf({ extract: { a: { connector: "web", path: "a.csv" } } }), {
    "connector web": { slots: 4, needed: 4 },
  });
});

Deno.test("runLimits() takes slots of the pool: as many as the operator says there are, else of one", () => {
  const ask = (concurrency: unknown, pools?: Record<string, number>) => limitsOf({ concurrency }, pools);
  deepEqual(ask({ pool: "heavy" }), { "pool heavy": { slots: 1, needed: 1 } });
  deepEqual(ask({ pool: "heavy", slots: 3 }, { heavy: 8 }), { "pool heavy": { slots: 8, needed: 3 } });
  deepEqual(ask({ pool: "heavy", slots: 9 }, { heavy: 8 }), { "pool heavy": { slots: 8, needed: 8 } });
  deepEqual(ask({ pool: "constructor" }), { "pool constructor": { slots: 1, needed: 1 } });
});
