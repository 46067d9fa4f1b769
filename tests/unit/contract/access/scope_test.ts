import { equal } from "node:assert/strict";
import fc from "fast-check";
import * as v from "valibot";
import {
  coversConnector,
  coversPipeline,
  scopeSchema,
  scopeText,
} from "../../../../contract/access/scope.ts";

const covers = (pattern: string, name: string) =>
  coversPipeline({ kind: "pipeline", name: pattern }, { name, tags: [] });

Deno.test("a pattern of pipelines is a name in which * is any text", () => {
  for (
    const [pattern, name, expected] of [
      ["orders", "orders", true],
      ["orders", "orders_eu", false],
      ["*", "anything", true],
      ["finance_*", "finance_", true],
      ["finance_*", "financ", false],
      ["*_eu", "orders_eu", true],
      ["a*b*c", "a_b_c", true],
      ["a*b*c", "acb", false],
      ["a*a", "a", false],
      ["ab*ba", "aba", false],
      ["Orders", "orders", false],
    ] as const
  ) equal(covers(pattern, name), expected, `${pattern} ${name}`);
});

Deno.test("a name counts in every environment, and one with an environment in that alone", () => {
  for (
    const [pattern, name, expected] of [
      ["orders", "orders@dev", true],
      ["orders", "orders_eu@dev", false],
      ["*", "orders@dev", true],
      ["*@dev", "orders@dev", true],
      ["*@dev", "orders", false],
      ["*@dev", "orders@dev2", false],
      ["orders@*", "orders@dev", true],
      ["orders@*", "orders", false],
      ["orders@dev", "shop@dev", false],
      ["*dev", "orders@dev", false],
    ] as const
  ) equal(covers(pattern, name), expected, `${pattern} ${name}`);
  equal(v.is(scopeSchema, { kind: "pipeline", name: "*@dev" }), true);
  equal(v.is(scopeSchema, { kind: "pipeline", name: "@dev" }), false);
  equal(v.is(scopeSchema, { kind: "connector", name: "lake@dev" }), false);
});

Deno.test("a pattern means what the regular expression of it means", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b", "*"), minLength: 1, maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 });
  fc.assert(fc.property(part, text, (pattern, name) => {
    equal(covers(pattern, name), new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name));
  }));
});

Deno.test("a tag covers the pipelines that have it, and no scope of pipelines a connector", () => {
  const tag = { kind: "tag", name: "sales" } as const;
  equal(coversPipeline(tag, { name: "orders", tags: ["daily", "sales"] }), true);
  equal(coversPipeline(tag, { name: "sales", tags: [] }), false);
  equal(coversConnector(tag, "sales"), false);
  equal(coversConnector({ kind: "connector", name: "shop_*" }, "shop_eu"), true);
  equal(coversPipeline({ kind: "connector", name: "*" }, { name: "orders", tags: [] }), false);
  equal(scopeText(tag), "tag sales");
  equal(scopeText({ kind: "all" }), "all");
});

Deno.test("a scope is refused that names nothing, or too much", () => {
  for (
    const wrong of [
      { kind: "pipeline" },
      { kind: "pipeline", name: "" },
      { kind: "pipeline", name: "a/b" },
      { kind: "all", name: "x" },
      { kind: "folder", name: "x" },
      { kind: "tag", name: "" },
    ]
  ) equal(v.is(scopeSchema, wrong), false, JSON.stringify(wrong));
});
