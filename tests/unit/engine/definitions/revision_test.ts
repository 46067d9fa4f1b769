import assert from "node:assert/strict";
import fc from "fast-check";
import * as v from "valibot";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import type { Revision } from "../../../../contract/revision.ts";
import { canonicalJson, revisionId } from "../../../../engine/definitions/revision.ts";

const parts = (): Omit<Revision, "id" | "gitCommit"> => ({
  pipeline: "orders",
  definition: v.parse(pipelineSchema, {
    extract: { orders: { connector: "shop", stream: "public.orders" } },
  }),
  files: [{ path: "transforms/orders/a.sql", content: "SELECT 1" }, {
    path: "transforms/orders/b.sql",
    content: "é",
  }],
  connectors: { shop: { type: "postgres", url: "${secret:SHOP_URL}" } },
});

Deno.test("revisionId() is the SHA-256 of the content and does not depend on the order of keys and files", async () => {
  const id = await revisionId(parts());
  assert.match(id, /^[0-9a-f]{64}$/);
  const { connectors, definition, files, pipeline } = parts();
  const reversed = {
    connectors: { shop: { url: connectors["shop"]?.["url"], type: "postgres" } },
    files: [...files].reverse().map(({ path, content }) => ({ content, path })),
    definition: Object.fromEntries(Object.entries(definition).reverse()),
    pipeline,
  };
  assert.equal(
    await revisionId({ ...reversed, definition: v.parse(pipelineSchema, reversed.definition) }),
    id,
  );
});

Deno.test("revisionId() changes with every part", async () => {
  const base = parts();
  const variants = [
    base,
    { ...base, pipeline: "order" },
    { ...base, definition: { ...base.definition, timeout: "5m" } },
    { ...base, files: base.files.slice(1) },
    { ...base, files: [{ path: "transforms/orders/a.sql", content: "SELECT 1 " }, ...base.files.slice(1)] },
    { ...base, connectors: {} },
  ];
  const ids = await Promise.all(variants.map(revisionId));
  assert.equal(new Set(ids).size, variants.length);
});

Deno.test("canonicalJson() is JSON of the same value with sorted keys", () => {
  assert.equal(
    canonicalJson({ b: [1, undefined, null], a: { d: undefined, c: "é\n" } }),
    '{"a":{"c":"é\\n"},"b":[1,null,null]}',
  );
  fc.assert(fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
    assert.equal(canonicalJson(JSON.parse(canonicalJson(value))), canonicalJson(value));
    assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
  }));
});
