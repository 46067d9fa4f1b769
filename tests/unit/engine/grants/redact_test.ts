import assert from "node:assert/strict";
import fc from "fast-check";
import { createRedactor } from "../../../../engine/grants/redact.ts";

Deno.test("createRedactor() takes a secret out in the forms that messages show", () => {
  const secret = 'p@ss/w"ord ü';
  const redact = createRedactor([secret]);
  for (
    const form of [
      secret,
      encodeURIComponent(secret),
      encodeURIComponent(secret).toLowerCase(),
      JSON.stringify(secret).slice(1, -1),
      new URLSearchParams({ v: secret }).toString().slice(2),
      btoa(String.fromCharCode(...new TextEncoder().encode(secret))).replace(/=+$/, ""),
    ]
  ) {
    assert.equal(redact(`cannot connect with ${form} now`), "cannot connect with [redacted] now");
  }
});

Deno.test("createRedactor() takes the longest of overlapping secrets", () => {
  const redact = createRedactor(["hunter", "hunter-two"]);
  assert.equal(redact("hunter-two and hunter"), "[redacted] and [redacted]");
});

Deno.test("createRedactor() finds the lines of a secret of several lines", () => {
  const redact = createRedactor(["-----BEGIN KEY-----\nMIIEvQIBADANBg\nab\n-----END KEY-----\n"]);
  assert.equal(redact("bad line MIIEvQIBADANBg of ab"), "bad line [redacted] of ab");
});

Deno.test("createRedactor() leaves values alone that are too short to look for", () => {
  const redact = createRedactor(["", "a", "abc", "   "]);
  assert.equal(redact("abc a    b"), "abc a    b");
});

Deno.test("createRedactor() is not confused by characters of patterns", () => {
  const redact = createRedactor(["a.c*[x]$", "\\d+(?"]);
  assert.equal(redact("abcx 12 a.c*[x]$ \\d+(?"), "abcx 12 [redacted] [redacted]");
});

Deno.test("createRedactor() lets no secret through, whatever stands around it", () => {
  const value = fc.string({ minLength: 6, maxLength: 40, unit: "grapheme" }).filter((text) =>
    text.trim().length >= 6
  );
  fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), fc.string(), (secrets, around) => {
    const redact = createRedactor(secrets);
    const redacted = redact(secrets.map((secret) => `${around}|${secret}|`).join(""));
    const rest = redacted.replaceAll("[redacted]", "").replaceAll(around, "");
    return secrets.every((secret) => around.includes(secret) || !rest.includes(secret));
  }));
});
