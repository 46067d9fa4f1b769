import assert from "node:assert/strict";
import {
  hashRecoveryCode,
  matchTotp,
  newRecoveryCodes,
  newTotpSecret,
  readTypedCode,
  totpCode,
  totpUri,
} from "../../../../../engine/control/factors/codes.ts";

/** The secret of RFC 6238's test vectors for SHA-1, "12345678901234567890", in base32. */
const SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/** Seconds → the code of eight digits in appendix B; six digits are its last ones. */
const VECTORS: Readonly<Record<number, string>> = {
  59: "94287082",
  1_111_111_109: "07081804",
  1_111_111_111: "14050471",
  1_234_567_890: "89005924",
  2_000_000_000: "69279037",
  20_000_000_000: "65353130",
};

Deno.test("codes are those of RFC 6238", async () => {
  for (const [seconds, eight] of Object.entries(VECTORS)) {
    const atMs = Number(seconds) * 1_000;
    assert.equal(await totpCode(SECRET, atMs), eight.slice(2));
    assert.equal(await matchTotp(SECRET, eight.slice(2), atMs), Math.floor(Number(seconds) / 30));
  }
});

Deno.test("a code is right one step before and after its own, and no further", async () => {
  const startMs = 1_111_111_110_000;
  const code = await totpCode(SECRET, startMs);
  const step = startMs / 30_000;
  for (
    const [offMs, expected] of [
      [-30_001, undefined],
      [-30_000, step],
      [-1, step],
      [0, step],
      [29_999, step],
      [59_999, step],
      [60_000, undefined],
    ] as const
  ) assert.equal(await matchTotp(SECRET, code, startMs + offMs), expected, String(offMs));
  for (const wrong of ["", "1", "12345", "1234567", "abcdef", "050472"]) {
    assert.equal(await matchTotp(SECRET, wrong, startMs), undefined, wrong);
  }
});

Deno.test("a new secret has 160 bits, and its address names the server and the user", async () => {
  const [one, other] = [await newTotpSecret(), await newTotpSecret()];
  assert.match(one, /^[A-Z2-7]{32}$/);
  assert.notEqual(one, other);
  const uri = new URL(await totpUri(SECRET, "Sluice x.example", "mia:b & c"));
  assert.equal(uri.protocol, "otpauth:");
  assert.equal(uri.searchParams.get("secret"), SECRET);
  assert.equal(uri.searchParams.get("issuer"), "Sluice x.example");
  assert.equal(decodeURIComponent(uri.pathname).split(":").length, 2, "one colon: after the issuer");
});

Deno.test("recovery codes are ten, each its own, and read whatever way they were typed", async () => {
  const codes = newRecoveryCodes();
  assert.equal(new Set(codes).size, 10);
  for (const code of codes) {
    assert.match(code, /^(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    const read = readTypedCode(` ${code.toLowerCase().replaceAll("-", " ")} `);
    assert.equal(read?.kind, "recovery_code");
    assert.equal(await hashRecoveryCode("u", read?.code ?? ""), await hashRecoveryCode("u", code));
    assert.notEqual(await hashRecoveryCode("v", code), await hashRecoveryCode("u", code));
  }
  assert.deepEqual(readTypedCode("o1Il-0000-0000-0000"), { kind: "recovery_code", code: "0111000000000000" });
  assert.deepEqual(readTypedCode("123 456"), { kind: "totp", code: "123456" });
  for (const neither of ["", "12345", "１２３４５６", "UUUU-UUUU-UUUU-UUUU", "0".repeat(100)]) {
    assert.equal(readTypedCode(neither), undefined, neither);
  }
});
