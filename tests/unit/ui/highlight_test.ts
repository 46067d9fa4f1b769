import { deepEqual, equal } from "node:assert/strict";
import { highlight, type Language, languageOf } from "../../../ui/parts/code/highlight.ts";

/** Kind and text of every token that is not plain. */
function coloured(source: string, language: Language): string[] {
  return highlight(source, language).flat()
    .filter((token) => token.kind !== "plain").map((token) => `${token.kind}:${token.text}`);
}

Deno.test("highlight() colours SQL's words, texts, names, numbers and comments", () => {
  deepEqual(coloured(`SELECT "a""b", 'it''s', 1.5e3 FROM t1 -- no 'text'`, "sql"), [
    "keyword:SELECT",
    'name:"a""b"',
    "string:'it''s'",
    "number:1.5e3",
    "keyword:FROM",
    "comment:-- no 'text'",
  ]);
});

Deno.test("highlight() colours YAML's keys and plain values", () => {
  deepEqual(coloured(`retry: { limit: 3 } # three\n- path: "a # b"\n  on: true\n`, "yaml"), [
    "name:retry",
    "name:limit",
    "number:3",
    "comment:# three",
    "name:path",
    'string:"a # b"',
    "name:on",
    "keyword:true",
  ]);
});

Deno.test("highlight() loses no character, whatever the text", () => {
  const sources = [
    "",
    "\n\n",
    "SELECT '<script>' /* open",
    "'open",
    '"open',
    "$$ a\nb $$ c",
    "/* a\n   b */ SELECT 1",
    "é🐎 select_from 1_000 _x",
    "a: 'b\nc: [1, 2] #\n",
  ];
  for (const language of ["sql", "yaml", "text"] as const) {
    for (const source of sources) {
      const lines = highlight(source, language).map((line) => line.map((token) => token.text).join(""));
      equal(lines.join("\n"), source.endsWith("\n") ? source.slice(0, -1) : source);
    }
  }
});

Deno.test("highlight() leaves a very long text without colour", () => {
  deepEqual(coloured("SELECT 1;\n".repeat(30_000), "sql"), []);
});

Deno.test("languageOf() goes by the file's name", () => {
  deepEqual(["a/b.sql", "p.yaml", "p.yml", "c.json", "s.ts"].map(languageOf), [
    "sql",
    "yaml",
    "yaml",
    "yaml",
    "text",
  ]);
});
