import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { simplePath } from "../../../../connectors/http/rest/json_path.ts";
import { JsonText, JsonTextFault, type PathStep } from "../../../../connectors/http/rest/page/json_walk.ts";

const textOf = (json: string) => new JsonText(new TextEncoder().encode(json));

/** The value at a path, as JSON.parse sees it. */
function lookUp(value: unknown, path: readonly PathStep[]): unknown {
  let found: unknown = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null || Array.isArray(found) !== (typeof step === "number")) {
      return undefined;
    }
    found = new Map(Object.entries(found)).get(String(step));
  }
  return found;
}

Deno.test("what is found is what JSON.parse finds, however the text is written", () => {
  const path = fc.array(fc.oneof(fc.string(), fc.constantFrom("a", "b"), fc.nat(3)), { maxLength: 3 });
  fc.assert(
    fc.property(fc.jsonValue(), path, fc.constantFrom(undefined, 2, "\t"), (value, steps, indent) => {
      const json = JSON.stringify(value, null, indent);
      const text = textOf(json);
      const root = text.root();
      deepEqual(text.value(root), JSON.parse(json));
      const found = text.find(root, steps);
      const expected = lookUp(JSON.parse(json), steps);
      deepEqual(found === undefined ? undefined : text.value(found), expected);
      const members = [...text.members(root)].map(([key]) => key);
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        deepEqual(members, Object.keys(JSON.parse(json)));
      }
      if (Array.isArray(value)) {
        deepEqual(
          [...text.items(root)].map((item) => text.value(item)),
          JSON.parse(json),
        );
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("no text that JSON.parse refuses for its brackets is taken, and nothing hangs", () => {
  fc.assert(fc.property(fc.json(), fc.nat(), (json, at) => {
    const cut = json.slice(0, at % json.length);
    try {
      const text = textOf(cut);
      for (const item of text.items(text.root())) text.value(item);
    } catch (error) {
      equal(error instanceof JsonTextFault, true, String(error));
    }
  }));
  for (const wrong of ["", "[", "{", '{"a"', '{"a":', "[1,", "[1 2]", "]", '"a', "[}", "1 2"]) {
    throws(
      () => {
        const text = textOf(wrong);
        const root = text.root();
        for (const _ of text.items(root)) { /* all */ }
        for (const _ of text.members(root)) { /* all */ }
      },
      JsonTextFault,
      wrong,
    );
  }
});

for (
  const [text, path] of [
    ["data.items", ["data", "items"]],
    ["$.data[0].id", ["data", 0, "id"]],
    ["$", []],
    ["results[*]", ["results"]],
    ['"odd key".x', ["odd key", "x"]],
    ["$['odd key'].x", ["odd key", "x"]],
    ["@odata.nextLink", ["@odata", "nextLink"]],
    ["@.a", ["a"]],
    ['"@odata.nextLink"', ["@odata.nextLink"]],
    ["a[?b]", undefined],
    ["a[*].b", undefined],
    ["a..b", undefined],
    ["a.", undefined],
    ["length(a)", undefined],
  ] as const
) {
  Deno.test(`${text} is ${path === undefined ? "no plain path" : JSON.stringify(path)}`, () =>
    deepEqual(simplePath(text), path));
}
