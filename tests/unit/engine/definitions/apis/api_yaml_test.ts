import { equal, throws } from "node:assert/strict";
import { AppError } from "../../../../../contract/errors.ts";
import { withConnector, yamlText } from "../../../../../engine/definitions/apis/api_yaml.ts";

const ENTRY = { type: "http", base_url: "https://api.example.com", auth: { type: "bearer", token: "x" } };
const ADDED = `shop:
  type: http
  base_url: https://api.example.com
  auth: { type: bearer, token: x }
`;

Deno.test("an entry goes to the end of connectors.yaml, whose text stays as it is", () => {
  for (
    const [before, between] of [
      ["", ""],
      ["# mine\n", ""],
      ["files:   {type: file} # all\n\n# the last word\n", ""],
      ["files: { type: file }", "\n"],
      ["# $schema\r\nfiles: { type: file }\r\n", ""],
    ] as const
  ) {
    const added = before.includes("\r\n") ? ADDED.replaceAll("\n", "\r\n") : ADDED;
    equal(withConnector(before, "shop", ENTRY), `${before}${between}${added}`);
  }
  equal(withConnector(undefined, "shop", ENTRY), ADDED);
});

Deno.test("a map in braces, or one that is indented, takes the entry as well", () => {
  const braces = withConnector("{ files: { type: file } } # all\n", "shop", { type: "http" });
  equal(braces, "{ files: { type: file }, shop: { type: http } } # all\n");
  const indented = withConnector("  files: { type: file } # all\n", "shop", { type: "http" });
  equal(indented, "files: { type: file } # all\nshop:\n  type: http\n");
  const json = withConnector('{\n  "files": { "type": "file" }\n}\n', "shop", { type: "http" });
  equal(JSON.stringify(json).includes("shop"), true);
});

Deno.test("an entry that is there, and a file that cannot be read, are left alone", () => {
  const codeOf = (text: string) => {
    let code = "";
    throws(() => withConnector(text, "shop", ENTRY), (error) => {
      code = error instanceof AppError ? error.code : String(error);
      return true;
    });
    return code;
  };
  equal(codeOf("shop: { type: file }\n"), "conflict");
  equal(codeOf("files: { type: file\n"), "invalid");
  equal(codeOf("- files\n"), "invalid");
});

Deno.test("texts that YAML would take for something else are quoted", () => {
  const value = { a: { b: { c: "{resources.x.id}", d: "2022-11-28", e: "no", f: "12", g: "a: b" } } };
  equal(
    yamlText(value, 2),
    'a:\n  b: { c: "{resources.x.id}", d: 2022-11-28, e: no, f: "12", g: "a: b" }\n',
  );
});
