import assert from "node:assert/strict";
import { WRONG_KEY } from "../../../../../contract/keys/sealer.ts";
import { aesSealer } from "../../../../support/aes_sealer.ts";
import { BY, FactorFixture, MIA, NOA } from "./factor_fixture.ts";

const right = { kind: "right", factor: "totp", user: MIA.id } as const;
const wrong = { kind: "wrong", reason: "wrong_code" } as const;
const used = { kind: "wrong", reason: "used_code" } as const;

Deno.test("an app counts from its first code on, and takes the place of the one of before then", async () => {
  await using fixture = await FactorFixture.create();
  const { factors } = fixture;
  const first = await factors.startTotp(MIA);
  assert.deepEqual(await factors.pendingTotp(MIA), first);
  assert.equal(await factors.pendingTotp(NOA), undefined);
  assert.deepEqual(await factors.kinds(MIA.id), []);
  assert.deepEqual(await factors.checkCode(MIA.id, await fixture.codeOf(first.secret)), wrong);
  await assert.rejects(factors.confirmTotp(MIA, "000000", BY), { code: "invalid", reason: "wrong_code" });
  await assert.rejects(factors.confirmTotp(NOA, "000000", BY), { code: "conflict" });
  const added = await factors.confirmTotp(MIA, await fixture.codeOf(first.secret), BY);
  assert.equal(added.recovery_codes?.length, 10);
  assert.equal(added.factors.recovery_codes, 10);
  assert.deepEqual(await factors.kinds(MIA.id), ["totp"]);

  await fixture.clock.advance(60_000);
  const second = await factors.startTotp(MIA);
  assert.deepEqual(await factors.checkCode(MIA.id, await fixture.codeOf(first.secret)), right);
  const again = await factors.confirmTotp(MIA, await fixture.codeOf(second.secret), BY);
  assert.equal(again.recovery_codes, undefined, "those of before hold");
  await fixture.clock.advance(60_000);
  assert.deepEqual(await factors.checkCode(MIA.id, await fixture.codeOf(first.secret)), wrong);
  assert.deepEqual(await factors.checkCode(MIA.id, await fixture.codeOf(second.secret)), right);
  assert.deepEqual(fixture.recorded.map(({ action }) => action), ["factor.add", "factor.add"]);
});

Deno.test("a secret that nobody confirmed for a quarter of an hour is gone", async () => {
  await using fixture = await FactorFixture.create();
  const { secret } = await fixture.factors.startTotp(MIA);
  await fixture.clock.advance(15 * 60_000);
  assert.equal(await fixture.factors.pendingTotp(MIA), undefined);
  await assert.rejects(fixture.factors.confirmTotp(MIA, await fixture.codeOf(secret), BY), {
    code: "conflict",
  });
});

Deno.test("each code signs in once, of parallel tries one", async () => {
  await using fixture = await FactorFixture.create();
  const { factors } = fixture;
  const { secret } = await fixture.addApp();
  const code = await fixture.codeOf(secret);
  const tries = await Promise.all(Array.from({ length: 4 }, () => factors.checkCode(MIA.id, code)));
  assert.equal(tries.filter(({ kind }) => kind === "right").length, 1);
  assert.deepEqual(await factors.checkCode(MIA.id, code), used);
  // One of before is void too, and the next one still is right.
  assert.deepEqual(await factors.checkCode(MIA.id, await fixture.codeOf(secret, -30_000)), used);
  assert.deepEqual(await factors.checkCode(MIA.id, await fixture.codeOf(secret, 30_000)), right);
});

Deno.test("the code that confirmed an app does not sign in as well", async () => {
  await using fixture = await FactorFixture.create();
  const { secret } = await fixture.factors.startTotp(MIA);
  const code = await fixture.codeOf(secret);
  await fixture.factors.confirmTotp(MIA, code, BY);
  assert.deepEqual(await fixture.factors.checkCode(MIA.id, code), used);
});

Deno.test("of hundreds of parallel guesses five are looked at, then one after ever longer waits", async () => {
  await using fixture = await FactorFixture.create();
  const { factors, clock } = fixture;
  const { secret } = await fixture.addApp();
  const rightCodes = new Set(
    await Promise.all([-30_000, 0, 30_000].map((offMs) => fixture.codeOf(secret, offMs))),
  );
  const guesses = Array.from({ length: 300 }, (_, at) => String(at).padStart(6, "0"))
    .filter((guess) => !rightCodes.has(guess));
  const outcomes = await Promise.all(guesses.map((guess) => factors.checkCode(MIA.id, guess)));
  assert.equal(outcomes.filter(({ kind }) => kind === "wrong").length, 5);
  assert.deepEqual(
    new Set(outcomes.filter(({ kind }) => kind !== "wrong").map((one) => JSON.stringify(one))),
    new Set([JSON.stringify({ kind: "limited", waitMs: 30_000 })]),
  );
  // Not even the right one is looked at before; others sign in meanwhile.
  assert.equal((await factors.checkCode(MIA.id, await fixture.codeOf(secret))).kind, "limited");
  const noa = await fixture.addApp(NOA);
  assert.equal((await factors.checkCode(NOA.id, await fixture.codeOf(noa.secret))).kind, "right");
  const guess = guesses[0] ?? "";
  const waits: number[] = [];
  for (let waitMs = 30_000; waits.length < 9;) {
    await clock.advance(waitMs);
    assert.equal((await factors.checkCode(MIA.id, guess)).kind, "wrong");
    const next = await factors.checkCode(MIA.id, guess);
    if (next.kind === "limited") waitMs = next.waitMs;
    waits.push(waitMs / 1_000);
  }
  assert.deepEqual(waits, [60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
  await clock.advance(3_600_000);
  assert.deepEqual(await factors.checkCode(MIA.id, await fixture.codeOf(secret)), right);
  await clock.advance(60_000);
  for (let guess = 0; guess < 4; guess += 1) {
    assert.equal((await factors.checkCode(MIA.id, "000000")).kind, "wrong", "the count began anew");
  }
});

Deno.test("recovery codes sign in once each, also while codes have to wait", async () => {
  await using fixture = await FactorFixture.create();
  const { factors } = fixture;
  const { codes } = await fixture.addApp();
  const [first = "", second = ""] = codes;
  for (let guess = 0; guess < 6; guess += 1) await factors.checkCode(MIA.id, "000000");
  const tries = await Promise.all(Array.from({ length: 8 }, () => factors.checkCode(MIA.id, first)));
  assert.deepEqual(tries.filter(({ kind }) => kind === "right"), [
    { kind: "right", factor: "recovery_code", user: MIA.id },
  ]);
  assert.equal((await factors.list(MIA.id)).recovery_codes, 9);
  assert.deepEqual(await factors.checkCode(NOA.id, second), wrong, "another's");
  const renewed = await factors.renewRecoveryCodes(MIA, BY);
  assert.deepEqual(await factors.checkCode(MIA.id, second), wrong, "one of before");
  assert.equal((await factors.checkCode(MIA.id, renewed[0] ?? "")).kind, "right");
  await assert.rejects(factors.renewRecoveryCodes(NOA, BY), { code: "conflict" });

  const left = await factors.removeTotp(MIA, BY);
  assert.deepEqual(left, { totp: null, passkeys: [], recovery_codes: 0 });
  assert.deepEqual(await factors.checkCode(MIA.id, renewed[1] ?? ""), wrong);
  await assert.rejects(factors.removeTotp(MIA, BY), { code: "not_found" });
});

Deno.test("the file of the store tells neither secrets nor codes, and another key lets nobody in", async () => {
  await using fixture = await FactorFixture.create();
  const { secret, codes } = await fixture.addApp();
  const pending = await fixture.factors.startTotp(MIA);
  const bytes = (await Promise.all(
    ["", "-wal"].map((end) => Deno.readFile(fixture.path + end).catch(() => new Uint8Array())),
  ))
    .map((part) => new TextDecoder("latin1").decode(part)).join("");
  assert.ok(bytes.includes("totp_secrets"), "it is the file");
  for (const told of [secret, pending.secret, ...codes, ...codes.map((code) => code.replaceAll("-", ""))]) {
    assert.ok(!bytes.includes(told), told);
  }
  const { Secret } = await import("otpauth");
  const raw = new TextDecoder("latin1").decode(Secret.fromBase32(secret).bytes);
  assert.ok(!bytes.includes(raw));

  const other = fixture.over(aesSealer());
  await assert.rejects(
    other.checkCode(MIA.id, await fixture.codeOf(secret)),
    { code: "unavailable", reason: WRONG_KEY, message: /cannot be checked now: .*another key/ },
  );
  // That cost no guess, and a recovery code needs no key.
  assert.deepEqual(await fixture.factors.checkCode(MIA.id, await fixture.codeOf(secret)), right);
  assert.equal((await other.checkCode(MIA.id, codes[0] ?? "")).kind, "right");
});

Deno.test("a secret that was put in another user's place does not open", async () => {
  await using fixture = await FactorFixture.create();
  const { secret } = await fixture.addApp();
  const { store } = fixture;
  const sealed = (await store.factors.findTotp(MIA.id, "active"))?.secret ?? "";
  await store.factors.putPendingTotp(NOA.id, sealed, fixture.clock.now());
  assert.ok(await store.factors.activateTotp(NOA.id, fixture.clock.now(), 0, fixture.clock.now()));
  await assert.rejects(fixture.factors.checkCode(NOA.id, await fixture.codeOf(secret)), {
    code: "unavailable",
  });
});

Deno.test("a change of the key finds every secret, and leaves what changed meanwhile", async () => {
  const [before, after] = [aesSealer(), aesSealer()];
  await using fixture = await FactorFixture.create(before);
  const { secret } = await fixture.addApp();
  await fixture.factors.startTotp(MIA);
  await fixture.factors.startTotp(NOA);
  const { sealed } = fixture.store.factors;
  const ids: string[] = [];
  for (let last: string | undefined;;) {
    const [text] = await sealed.list({ after: last, limit: 1 });
    if (text === undefined) break;
    ids.push(last = text.id);
    const anew = await after.seal(await before.open(text.sealed, text.place), text.place);
    const change = { id: text.id, before: text.sealed, after: anew };
    assert.equal(await sealed.replace([{ ...change, before: "another" }]), 0);
    assert.equal(await sealed.replace([change]), 1);
  }
  assert.equal(new Set(ids).size, 3);
  const renewed = fixture.over(after);
  assert.deepEqual(await renewed.checkCode(MIA.id, await fixture.codeOf(secret)), right);
});
