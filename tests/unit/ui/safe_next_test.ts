import { equal } from "node:assert/strict";
import { safeNext } from "../../../ui/pages/sign_in/safe_next.ts";

const ELSEWHERE = [
  "//evil.com",
  "///evil.com",
  "/.//evil.com",
  "/..//evil.com",
  "/./..//evil.com",
  "/x/..//evil.com",
  "/%2e//evil.com",
  "/%2E%2e//evil.com",
  "/\\evil.com",
  "/\\/evil.com",
  "/.\\/evil.com",
  "\\\\evil.com",
  "/\t/evil.com",
  "/\n/evil.com",
  "/\r\n/evil.com",
  "\t//evil.com",
  "/\t\\evil.com",
  "https://evil.com/",
  "http:evil.com",
  "javascript:alert(1)",
  "data:text/html,x",
  "//user@evil.com",
  "evil.com",
  "",
  "?x",
  "//[",
];

Deno.test("safeNext() leads nowhere else, however the address is dressed", () => {
  for (const next of [undefined, ...ELSEWHERE]) equal(safeNext(next), "/", JSON.stringify(next));
});

Deno.test("whatever safeNext() gives is resolved by a browser to this server", () => {
  for (
    const next of [
      ...ELSEWHERE,
      "/%2F/evil.com",
      "/%5Cevil.com",
      "/%09/evil.com",
      "/a//b",
      "/\u2028//evil.com",
    ]
  ) {
    equal(new URL(safeNext(next), "https://sluice.example").origin, "https://sluice.example", next);
  }
});

Deno.test("safeNext() keeps the paths and queries of this server's pages", () => {
  for (
    const next of ["/", "/runs", "/runs?state=failed&before=1", "/pipelines/a%2Fb", "/pipelines/a-b?x=//y"]
  ) {
    equal(safeNext(next), next);
  }
});
