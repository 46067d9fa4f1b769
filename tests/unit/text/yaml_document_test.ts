import assert from "node:assert/strict";
import { parseYamlDocument } from "../../../text/yaml_document.ts";

Deno.test("parseYamlDocument() finds keys, values and list items again", () => {
  const document = parseYamlDocument("a:\n  b:\n    - x\n    - c: 1\n", "f.yaml");
  assert.deepEqual(document.faults, []);
  assert.deepEqual(document.place(["a", "b"]), { file: "f.yaml", line: 2, column: 3 });
  assert.deepEqual(document.valuePlace(["a", "b"]), { file: "f.yaml", line: 3, column: 5 });
  assert.deepEqual(document.place(["a", "b", 1, "c"]), { file: "f.yaml", line: 4, column: 7 });
  assert.deepEqual(document.valuePlace(["a", "b", 1, "c"]), { file: "f.yaml", line: 4, column: 10 });
});

Deno.test("parseYamlDocument() places what is not there at the nearest entry above", () => {
  const document = parseYamlDocument("a:\n  b: 1\n", "f.yaml");
  assert.equal(document.place(["a", "x", "y"]).line, 1);
  assert.equal(document.place(["a", "b", "c"]).line, 2);
  assert.equal(document.place(["z"]).line, 1);
});

Deno.test("parseYamlDocument() follows an alias to its anchor", () => {
  const document = parseYamlDocument("a: &x\n  b: 1\nc: *x\n", "f.yaml");
  assert.deepEqual(document.value, { a: { b: 1 }, c: { b: 1 } });
  assert.equal(document.place(["c", "b"]).line, 2);
});

Deno.test("parseYamlDocument() counts columns in lines that end with CR LF, after a byte order mark", () => {
  const document = parseYamlDocument("\uFEFFa: 1\r\nb: 2\r\n", "f.yaml");
  assert.deepEqual(document.value, { a: 1, b: 2 });
  assert.deepEqual(document.place(["b"]), { file: "f.yaml", line: 2, column: 1 });
});

Deno.test("parseYamlDocument() keeps yes, dates and versions as they are written", () => {
  const { value } = parseYamlDocument("a: yes\nb: 2024-01-31\nc: 1.10\nd: 0x1F\n", "f.yaml");
  assert.deepEqual(value, { a: "yes", b: "2024-01-31", c: 1.1, d: 31 });
});

for (const text of ["", "\n\n", "# only a comment\n", "---\n", "~\n"]) {
  Deno.test(`parseYamlDocument() calls ${JSON.stringify(text)} empty`, () => {
    const { value, faults } = parseYamlDocument(text, "f.yaml");
    assert.equal(value, undefined);
    assert.deepEqual(faults.map((fault) => fault.message), ["the file is empty"]);
  });
}

Deno.test("parseYamlDocument() finds keys that stand there twice, as they are written", () => {
  const twice = (text: string) =>
    parseYamlDocument(text, "f.yaml").faults.map(({ line, message }) => `${line} ${message}`);
  assert.deepEqual(twice("a: 1\nb: 2\na: 3\n"), ["3 this key stands here twice"]);
  assert.deepEqual(twice("x: { a: 1, a: 2 }\n"), ["1 this key stands here twice"]);
  assert.deepEqual(twice('1: a\n"1": b\n'), ["2 this key stands here twice"]);
  assert.deepEqual(twice("a: &x { k: 1 }\nb: &y { k: 2 }\nc:\n  <<: *x\n  k: 3\n"), []);
});

Deno.test("parseYamlDocument() tells a hundred faults of a file that has one a line", () => {
  const { faults } = parseYamlDocument("a: 1\n".repeat(20_000), "f.yaml");
  assert.deepEqual([faults.length, faults.at(-1)?.message], [101, "and 19899 more"]);
});

Deno.test("parseYamlDocument() refuses numbers with more digits than a double keeps", () => {
  const faultsOf = (yaml: string) => parseYamlDocument(yaml, "x.yaml").faults.map(({ message }) => message);
  assert.deepEqual(faultsOf("[1.10, 0.30000000000000004, -12345678901234.5, 1e300, 00.1, .5]"), []);
  assert.deepEqual(faultsOf("a: 12345678901234567.89"), [
    "12345678901234567.89 has more digits than a number keeps: write it in quotes",
  ]);
  assert.deepEqual(faultsOf("a: '12345678901234567.89'"), []);
});
