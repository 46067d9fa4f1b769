import { strictEqual } from "node:assert/strict";
import { Utf8, vectorFromArray } from "apache-arrow";
import { jsonText } from "../../../../connectors/destination/json_text.ts";
import { JSON_EXTENSION } from "../../../../contract/arrow.ts";

Deno.test("jsonText() keeps a U+FEFF at the beginning of a text", () => {
  const [data] = vectorFromArray(["\ufeffx", "\ufeff"], new Utf8()).data;
  strictEqual(data && jsonText(data, 0), JSON.stringify("\ufeffx"));
  strictEqual(data && jsonText(data, 1, JSON_EXTENSION), "\ufeff");
});
