import { deepStrictEqual } from "node:assert/strict";
import type { ColumnSource, PipelineLineage, TableLineage } from "../../../../contract/lineage/lineage.ts";
import {
  declarationsOf,
  markPii,
  piiBreaches,
  type PiiDeclaration,
  type PiiRules,
} from "../../../../contract/lineage/pii.ts";

type Column = readonly [name: string, ...sources: readonly (ColumnSource | string)[]];

/** A source as `table.column` is a copy. */
function table(
  id: string,
  kind: TableLineage["kind"],
  reads: string[],
  ...columns: readonly Column[]
): TableLineage {
  return {
    id,
    kind,
    name: id,
    ...(kind === "target" ? { connector: id.replace("target:", ""), address: "t" } : {}),
    columns: columns.map(([name, ...sources]) => ({
      name,
      sources: sources.map((source) => typeof source === "string" ? copyOf(source) : source),
    })),
    influences: [],
    reads,
  };
}

function copyOf(text: string): ColumnSource {
  const dot = text.lastIndexOf(".");
  return { table: text.slice(0, dot), column: text.slice(dot + 1), way: "direct" };
}

const hidden = (text: string): ColumnSource => ({ ...copyOf(text), way: "aggregated", hidden: true });

function markedIn(lineage: PipelineLineage): string[] {
  return lineage.tables.flatMap(({ id, columns }) =>
    columns.filter(({ pii }) => pii === true).map(({ name }) => `${id}.${name}`)
  );
}

const declared = (entries: Record<string, Record<string, PiiDeclaration>>) =>
  new Map(Object.entries(entries).map(([id, columns]) => [id, declarationsOf(Object.entries(columns))]));

const TABLES = [
  table("source", "source", [], ["Email"], ["city"]),
  table("raw", "stream", ["source"], ["email", "source.Email"], ["city", "source.city"]),
  table(
    "people",
    "model",
    ["raw"],
    ["mail", { ...copyOf("raw.email"), way: "transformed" }],
    ["latest", { ...copyOf("raw.email"), way: "aggregated" }],
    ["count", hidden("raw.email")],
    ["city", "raw.city"],
  ),
  table("target:lake", "target", ["people"], ["mail", "people.mail"], ["count", "people.count"]),
  table("target:crm", "target", ["people"], ["latest", "people.latest"], ["city", "people.city"]),
];

Deno.test("markPii() goes along copies, expressions and aggregates, not along what hides the value", () => {
  const marked = markPii({ tables: TABLES }, declared({ source: { EMAIL: { pii: true } } }));
  deepStrictEqual(markedIn(marked), [
    "source.Email",
    "raw.email",
    "people.mail",
    "people.latest",
    "target:lake.mail",
    "target:crm.latest",
  ]);
});

Deno.test("markPii() ends where somebody has said that there is none, and begins where it is declared", () => {
  const marked = markPii(
    { tables: TABLES },
    declared({
      source: { Email: { pii: true } },
      people: { mail: { pii: false, reason: "a salted hash" }, city: { pii: true } },
    }),
  );
  deepStrictEqual(markedIn(marked).slice(2), [
    "people.latest",
    "people.city",
    "target:crm.latest",
    "target:crm.city",
  ]);
});

Deno.test("markPii() marks all columns of a table that is not known, and those of one that reads itself", () => {
  const unknown = { ...table("odd", "model", ["raw"], ["a"], ["b"]), unknown: "it is odd" };
  const self = table("kept", "model", ["kept", "odd"], ["x", "kept.y"], ["y", "kept.z"], ["z", "odd.a"], [
    "n",
  ]);
  const marked = markPii(
    { tables: [...TABLES, unknown, self] },
    declared({ source: { Email: { pii: true } } }),
  );
  deepStrictEqual(markedIn(marked).slice(6), ["odd.a", "odd.b", "kept.x", "kept.y", "kept.z"]);
});

Deno.test("piiBreaches() finds what goes where it may not, with the way from where it is declared", () => {
  const lineage = markPii({ tables: TABLES }, declared({ source: { Email: { pii: true } } }));
  const found = (rules: PiiRules) =>
    piiBreaches(lineage, rules).map(({ rule, table: { id }, columns, way }) => [
      rule,
      id,
      columns.join(" "),
      way.map(({ table, column }) => `${table}.${column}`).join(" → "),
    ]);
  deepStrictEqual(found({}), [
    ["forbid", "target:lake", "mail", "source.Email → raw.email → people.mail → target:lake.mail"],
    ["forbid", "target:crm", "latest", "source.Email → raw.email → people.latest → target:crm.latest"],
  ]);
  deepStrictEqual(found({ destinations: { crm: "allow", lake: "warn" } }).map(([rule, id]) => [rule, id]), [
    ["warn", "target:lake"],
  ]);
  deepStrictEqual(found({ default: "allow", destinations: { other: "forbid" } }), []);
});
