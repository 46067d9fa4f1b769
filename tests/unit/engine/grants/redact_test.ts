import assert from "node:assert/strict";
import fc from "fast-check";
import { Redactor } from "../../../../engine/grants/redact.ts";

const redactorOf = (secrets: Iterable<string>) => new Redactor(secrets).redact;

Deno.test("Redactor takes a secret out in the forms that messages show", () => {
  const secret = 'p@ss/w"ord ü';
  const redact = redactorOf([secret]);
  for (
    const form of [
      "p@ss/w&quot;ord ü",
      String.raw`p@ss/w\"ord \u00fc`,
      encodeURIComponent(encodeURIComponent(secret)),
      btoa(encodeURIComponent(secret)).replace(/=+$/, ""),
      btoa(new URLSearchParams({ v: secret }).toString().slice(2)).replace(/=+$/, ""),
      secret,
      encodeURIComponent(secret),
      encodeURIComponent(secret).toLowerCase(),
      JSON.stringify(secret).slice(1, -1),
      new URLSearchParams({ v: secret }).toString().slice(2),
      btoa(String.fromCharCode(...new TextEncoder().encode(secret))).replace(/=+$/, ""),
      new TextEncoder().encode(secret).toBase64({ alphabet: "base64url", omitPadding: true }),
      new TextEncoder().encode(secret).toHex(),
      new TextEncoder().encode(secret).toHex().toUpperCase(),
      secret.replaceAll('"', '""'),
    ]
  ) {
    assert.equal(redact(`cannot connect with ${form} now`), "cannot connect with [redacted] now");
  }
});

Deno.test("Redactor takes the longest of overlapping secrets", () => {
  const redact = redactorOf(["hunter", "hunter-two"]);
  assert.equal(redact("hunter-two and hunter"), "[redacted] and [redacted]");
});

Deno.test("Redactor finds the lines of a secret of several lines", () => {
  const redact = redactorOf(["-----BEGIN KEY-----\nMIIEvQIBADANBg\nab\n-----END KEY-----\n"]);
  assert.equal(redact("bad line MIIEvQIBADANBg of ab"), "bad line [redacted] of ab");
});

Deno.test("Redactor leaves values alone that are too short to look for", () => {
  const redact = redactorOf(["", "a", "abc", "   "]);
  assert.equal(redact("abc a    b"), "abc a    b");
});

Deno.test("Redactor is not confused by characters of patterns", () => {
  const redact = redactorOf(["a.c*[x]$", "\\d+(?"]);
  assert.equal(redact("abcx 12 a.c*[x]$ \\d+(?"), "abcx 12 [redacted] [redacted]");
});

Deno.test("Redactor lets no secret through, whatever stands around it", () => {
  const value = fc.string({ minLength: 6, maxLength: 40, unit: "grapheme" }).filter((text) =>
    text.trim().length >= 6
  );
  fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), fc.string(), (secrets, around) => {
    const redact = redactorOf(secrets);
    const redacted = redact(secrets.map((secret) => `${around}|${secret}|`).join(""));
    const rest = redacted.replaceAll("[redacted]", "").replaceAll(around, "");
    return secrets.every((secret) => around.includes(secret) || !rest.includes(secret));
  }));
});

Deno.test("Redactor knows a value strictly URL-encoded, and what an encoded one decodes to", () => {
  assert.equal(redactorOf(["it's(me)!*"])("at it%27s%28me%29%21%2A end"), "at [redacted] end");
  assert.equal(redactorOf(["p%40ssw%2Frd"])("at p@ssw/rd end"), "at [redacted] end");
});

Deno.test("Redactor finds a secret inside of Base64, wherever it begins there", () => {
  const secret = "s3cret-pass-word";
  const redact = redactorOf([secret]);
  for (const user of ["", "m", "me", "joe", "mary"]) {
    const header = btoa(`${user}:${secret}`);
    const left = redact(`Basic ${header}`).replace("[redacted]", "");
    // Of the secret at most two characters, whose bits are mixed with their neighbours', are left.
    assert.ok(left.length <= `Basic ${btoa(`${user}:`)}`.length + 4, `${user}: ${left}`);
    assert.ok(redact(header).includes("[redacted]"), user);
  }
});

Deno.test("Redactor knows the parts that a URL's parser makes of a password that was not encoded", () => {
  const password = "Tr0ub/adour?correct#horse@battery:staple";
  for (const secret of [password, `postgres://me:${password}@db.example:5432/shop`]) {
    const redact = redactorOf([secret]);
    const parts = [
      "adour?correct#horse@battery:staple",
      "?correct#horse@battery:staple",
      "?correct",
      "#horse@battery:staple",
      "Tr0ub",
      "tr0ub",
      "/adour",
      "battery:staple",
      "Tr0ub/adour",
      encodeURIComponent("adour?correct"),
    ];
    for (const part of parts) {
      assert.doesNotMatch(
        redact(`invalid port in "${part}"`),
        /tr0ub|adour|correct|horse|battery|staple/i,
        part,
      );
    }
    assert.equal(redact("cannot reach db.example:5432 as me"), "cannot reach db.example:5432 as me");
  }
});

Deno.test("Redactor lets through no part of a password in any part that new URL() makes of it", () => {
  const letters = fc.constantFrom(..."abcXYZ012");
  const word = fc.string({ minLength: 4, maxLength: 8, unit: letters });
  const delimiter = fc.constantFrom("/", "?", "#", "@", ":", "&", "=");
  fc.assert(
    fc.property(fc.array(fc.tuple(word, delimiter), { minLength: 1, maxLength: 4 }), word, (head, last) => {
      const words = [...head.map(([part]) => part), last];
      const url = `postgres://me:${
        head.map(([part, mark]) => part + mark).join("")
      }${last}@db.example:5432/shop`;
      const redact = redactorOf([url]);
      const parsed = URL.parse(url);
      const shown = parsed === null ? [url] : [
        parsed.host,
        parsed.hostname,
        parsed.port,
        parsed.username,
        parsed.password,
        parsed.pathname,
        parsed.search,
        parsed.hash,
        parsed.href,
      ];
      return shown.every((part) => {
        const left = redact(part).replaceAll("[redacted]", "\n").toLowerCase();
        return words.every((secret) => !left.includes(secret.toLowerCase()));
      });
    }),
  );
});

Deno.test("Redactor takes the path of a URL without a password for the secret", () => {
  const redact = redactorOf(["https://hooks.example/services/T000/B111/XyZ"]);
  assert.equal(
    redact("POST hooks.example/services/T000/B111/XyZ failed"),
    "POST hooks.example[redacted] failed",
  );
});

Deno.test("a Redactor learns", () => {
  const redactor = new Redactor();
  const { redact } = redactor;
  assert.equal(redact("first and second"), "first and second");
  redactor.learn(["first"]);
  assert.equal(redact("first and second"), "[redacted] and second");
  redactor.learn(["second"]);
  assert.equal(redact("first and second"), "[redacted] and [redacted]");
});
