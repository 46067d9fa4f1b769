import { equal, ok } from "node:assert/strict";
import { shownState } from "../../../../../engine/worker/reports/committed_stream.ts";

Deno.test("shownState() leaves out what may be a secret, wherever it is", () => {
  equal(
    shownState({
      offset: 12,
      next_page_token: "abc",
      inner: [{ apiKey: "k", next: "https://u:p@x.example/a?sig=1" }],
    }),
    '{"offset":12,"next_page_token":"[redacted]","inner":[{"apiKey":"[redacted]","next":"https://x.example/a?…"}]}',
  );
});

Deno.test("shownState() cuts what is long", () => {
  equal(shownState([1, 2, 3, 4, 5, 6, 7]), '[1,2,3,4,5,"… 2 more"]');
  equal(
    shownState(Object.fromEntries(["a", "b", "c", "d", "e", "f"].map((key) => [key, null]))),
    '{"a":null,"b":null,"c":null,"d":null,"e":null,"…":"1 more"}',
  );
  ok(shownState("x".repeat(300)).length < 210);
  ok([...shownState(["x", "y", "z"].map((letter) => letter.repeat(300)))].length <= 501);
});
