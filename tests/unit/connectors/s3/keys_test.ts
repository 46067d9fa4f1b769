import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { partsOf } from "../../../../connectors/files/read/parts.ts";
import { loadOfFile } from "../../../../connectors/files/load/part_name.ts";
import { parseKeyPattern } from "../../../../connectors/locations/s3/key_glob.ts";
import {
  asciiJson,
  isOurPart,
  isVisible,
  markedName,
  newMark,
} from "../../../../connectors/locations/remote/manifest.ts";
import { s3Error } from "../../../../connectors/locations/s3/s3_error.ts";

Deno.test("parseKeyPattern() takes a path for a key as it is, and asks for no more than a glob can match", () => {
  deepStrictEqual(parseKeyPattern("raw/", "a/../b.csv"), { key: "raw/a/../b.csv", glob: undefined });
  const { glob } = parseKeyPattern("raw/", "in/day=2024*/a?.csv");
  strictEqual(glob?.prefix, "raw/in/day=2024");
  strictEqual(glob.folder, "raw/in/");
  strictEqual(glob.isFlat, false);
  ok(glob.matches("raw/in/day=2024-01/ab.csv"));
  for (
    const key of [
      "raw/in/day=2024-01/abc.csv",
      "raw/in/day=2024-01/x/ab.csv",
      "in/day=2024-01/ab.csv",
      "raw/in/day=2024/",
    ]
  ) ok(!glob.matches(key), key);
  ok(parseKeyPattern("", "in/*.csv").glob?.isFlat);
  const anywhere = parseKeyPattern("", "**/*.csv").glob;
  ok(anywhere?.matches("a.csv") && anywhere.matches("x/y/new\nline.csv"));
  for (const hidden of [".a.csv", "x/_sluice/a.csv", ".t.csv.sluice/note.csv"]) {
    ok(anywhere?.matches(hidden) === false, hidden);
  }
  throws(() => parseKeyPattern("", "in/*/../a.csv"), /may not stand behind a wildcard/);
});

Deno.test("names of parts say whose they are, and which load's", () => {
  const [mark, other] = [newMark(), newMark()];
  ok(mark !== other);
  for (const path of ["part-run1.parquet", "day=1/part-run1_12.csv.gz"]) {
    const name = markedName(path, mark);
    ok(isOurPart(`out/${name}`));
    strictEqual(loadOfFile(name), loadOfFile(path));
    strictEqual(name.replace(`.${mark}`, ""), path);
  }
  for (const theirs of ["part-00000-aa-c000.snappy.parquet", "a.sx.csv", "part-run1.parquet"]) {
    ok(!isOurPart(theirs));
  }
});

Deno.test("isVisible() leaves out parts that no manifest above names, and nothing else", () => {
  const manifests = new Map([["t/", { files: ["day=1/part-a.sxabcdefgh.csv"] }]]);
  ok(isVisible("t/day=1/part-a.sxabcdefgh.csv", manifests));
  ok(!isVisible("t/day=1/part-b.sxabcdefgh.csv", manifests));
  ok(isVisible("t/day=1/theirs.csv", manifests));
  ok(isVisible("u/part-b.sxabcdefgh.csv", manifests), "a folder without a manifest is as it is");
});

Deno.test("asciiJson() is ASCII and reads back", () => {
  const value = { files: ["ünï/漢字🦆"] };
  const text = new TextDecoder().decode(asciiJson(value));
  match(text, /^[\0-\x7f]+$/);
  deepStrictEqual(JSON.parse(text), value);
});

Deno.test("partsOf() cuts files into parts of 32 MiB to 256 MiB, in their order", () => {
  const MB = 1024 * 1024;
  const file = (sizeBytes: number) => ({ sizeBytes });
  const sizes = (parts: readonly (readonly { readonly sizeBytes: number }[])[]) =>
    parts.map((part) => part.map(({ sizeBytes }) => sizeBytes / MB));
  deepStrictEqual(sizes(partsOf([10, 10, 10].map((mb) => file(mb * MB)))), [[10, 10, 10]]);
  deepStrictEqual(sizes(partsOf([20, 20, 20].map((mb) => file(mb * MB)))), [[20, 20], [20]]);
  deepStrictEqual(sizes(partsOf([3000, 100, 200, 1].map((mb) => file(mb * MB)))), [[3000], [100, 200], [1]]);
});

Deno.test("s3Error() tells what can be tried again from what cannot", () => {
  const asked = { verb: "read", shown: "s3://b/k", right: "s3:GetObject" } as const;
  const failure = (name: string, more: object = {}) => Object.assign(new Error(name), { name, ...more });
  const status = (httpStatusCode: number) => ({ $metadata: { httpStatusCode } });
  for (
    const [error, code, isCut] of [
      [failure("Error", { code: "ECONNREFUSED" }), "unavailable", true],
      [failure("Error", { code: "ECONNRESET" }), "unavailable", true],
      [failure("TimeoutError"), "unavailable", true],
      [failure("InternalError", status(500)), "unavailable", true],
      [failure("SlowDown", status(503)), "unavailable", true],
      [failure("NoSuchKey", status(404)), "not_found", false],
      [failure("InvalidObjectState", status(403)), "unavailable", false],
      [failure("AccessDenied", status(403)), "forbidden", false],
      [failure("RequestTimeTooSkewed", status(403)), "unauthorized", false],
      [failure("MalformedXML", status(400)), "invalid", false],
      [failure("NotCapable"), "forbidden", false],
      [failure("Surprise"), "internal", false],
    ] as const
  ) {
    const told = s3Error(asked, error);
    deepStrictEqual([told.code, told.reason !== undefined], [code, isCut], error.name);
    match(told.message, /^Cannot read "s3:\/\/b\/k": /);
  }
});
