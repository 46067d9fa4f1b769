import assert from "node:assert/strict";
import { didYouMean, didYouMeanOneOf, listWords, suggest, suggestions } from "../../../text/suggest.ts";

Deno.test("suggest() finds the nearest candidate of a slip", () => {
  const words = ["incremental", "full", "append"];
  assert.equal(suggest("incremntal", words), "incremental");
  assert.equal(suggest("FULL", words), "full");
  assert.equal(suggest("apepnd", words), "append");
});

Deno.test("suggest() has nothing for a word that is far from all, or too short to tell", () => {
  assert.equal(suggest("merge", ["full", "append"]), undefined);
  assert.equal(suggest("uk", ["us", "eu"]), undefined);
  assert.equal(suggest("x", []), undefined);
});

Deno.test("suggestions() lists the near ones, the nearest first and no more than asked for", () => {
  const tables = ["orders_old", "customers", "order", "ordres", "orders2"];
  assert.deepEqual(suggestions("orders", tables, 3), ["order", "ordres", "orders2"]);
  assert.deepEqual(suggestions("orders", tables, 1), ["order"]);
  assert.deepEqual(suggestions("orders", [], 3), []);
});

Deno.test("didYouMean() is empty where there is nothing to suggest", () => {
  assert.equal(didYouMean("shp", ["shop"]), " (did you mean shop?)");
  assert.equal(didYouMean("zebra", ["shop"]), "");
});

Deno.test("didYouMeanOneOf() lists what there is where nothing is near, while that is a few", () => {
  assert.equal(didYouMeanOneOf("shp", ["shop", "store"]), " (did you mean shop?)");
  assert.equal(didYouMeanOneOf("zebra", ["shop"]), " (there is shop)");
  assert.equal(didYouMeanOneOf("zebra", ["shop", "store"]), " (there are shop and store)");
  assert.equal(didYouMeanOneOf("zebra", []), "");
  assert.equal(didYouMeanOneOf("zebra", Array.from({ length: 13 }, (_, i) => `pipeline_${i}`)), "");
});

Deno.test("listWords() reads like a sentence", () => {
  assert.equal(listWords([]), "nothing");
  assert.equal(listWords(["a"]), "a");
  assert.equal(listWords(["a", "b"]), "a and b");
  assert.equal(listWords(["a", "b", "c"], "or"), "a, b or c");
});
