import assert from "node:assert/strict";
import { relyingPartyOf } from "../../../../../engine/control/factors/relying_party.ts";
import { type Oddities, SoftAuthenticator } from "../../../../support/soft_authenticator.ts";
import { BY, FactorFixture, MIA, NOA, ORIGIN } from "./factor_fixture.ts";

async function addPasskey(fixture: FactorFixture, name: string, user = MIA): Promise<SoftAuthenticator> {
  const device = await SoftAuthenticator.create(ORIGIN);
  const { options, ticket } = await fixture.factors.startPasskey(user);
  await fixture.factors.addPasskey(user, { ticket, name, registration: await device.register(options) }, BY);
  return device;
}

/** Signs in with the passkey alone. */
async function signIn(fixture: FactorFixture, device: SoftAuthenticator, odd: Oddities = {}) {
  const { options, ticket } = await fixture.factors.requestPasskey("sign_in", null);
  const assertion = await device.sign(options, odd);
  return await fixture.factors.checkPasskey("sign_in", null, { ticket, assertion });
}

const right = { kind: "right", factor: "passkey", user: MIA.id } as const;
const wrong = (reason: string) => ({ kind: "wrong", reason });

Deno.test("passkeys are added with names, renamed and removed, each by its own user", async () => {
  await using fixture = await FactorFixture.create();
  const { factors, recorded } = fixture;
  const phone = await addPasskey(fixture, "Phone");
  await addPasskey(fixture, "Key");
  const [first, second] = (await factors.list(MIA.id)).passkeys;
  assert.deepEqual([first?.name, second?.name].toSorted(), ["Key", "Phone"]);
  assert.equal((await factors.list(MIA.id)).recovery_codes, 10);
  const id = (await factors.list(MIA.id)).passkeys.find(({ name }) => name === "Phone")?.id ?? "";
  await assert.rejects(factors.renamePasskey(NOA, id, "Mine"), { code: "not_found" });
  await assert.rejects(factors.removePasskey(NOA, id, BY), { code: "not_found" });
  await factors.renamePasskey(MIA, id, "Old phone");
  assert.deepEqual(await signIn(fixture, phone), right);
  const { passkeys } = await factors.removePasskey(MIA, id, BY);
  assert.deepEqual(passkeys.map(({ name }) => name), ["Key"]);
  assert.deepEqual(await signIn(fixture, phone), wrong("unknown_passkey"));
  assert.deepEqual(recorded.map(({ action, details }) => [action, details?.["name"]]), [
    ["factor.add", "Phone"],
    ["factor.add", "Key"],
    ["factor.remove", "Old phone"],
  ]);
});

Deno.test("a registration of elsewhere, of another user, answered late or twice adds nothing", async () => {
  await using fixture = await FactorFixture.create();
  const { factors, clock } = fixture;
  const device = await SoftAuthenticator.create(ORIGIN);
  for (
    const odd of [
      { origin: "https://evil.example" },
      { origin: `${ORIGIN}:8443` },
      { rpId: "example.com" },
      { challenge: "AAAA" },
      { type: "webauthn.get" },
    ]
  ) {
    const { options, ticket } = await factors.startPasskey(MIA);
    const registration = await device.register(options, odd);
    await assert.rejects(factors.addPasskey(MIA, { ticket, name: "x", registration }, BY), {
      code: "invalid",
      reason: "wrong_passkey",
    });
  }
  const { options, ticket } = await factors.startPasskey(MIA);
  const registration = await device.register(options);
  await assert.rejects(factors.addPasskey(NOA, { ticket, name: "x", registration }, BY), {
    code: "conflict",
  });
  await assert.rejects(factors.addPasskey(MIA, { ticket, name: "x", registration }, BY), {
    code: "conflict",
  });
  const late = await factors.startPasskey(MIA);
  await clock.advance(5 * 60_000);
  const answer = { ticket: late.ticket, name: "x", registration: await device.register(late.options) };
  await assert.rejects(factors.addPasskey(MIA, answer, BY), { code: "conflict" });
  assert.deepEqual(await factors.kinds(MIA.id), []);
  // The same one is registered once.
  const one = await factors.startPasskey(MIA);
  await factors.addPasskey(MIA, { ...one, name: "x", registration: await device.register(one.options) }, BY);
  const other = await factors.startPasskey(NOA);
  const stolen = await device.register(other.options);
  await assert.rejects(factors.addPasskey(NOA, { ...other, name: "x", registration: stolen }, BY), {
    code: "conflict",
  });
});

Deno.test("a passkey signs in alone where it looked who uses it, and each answer counts once", async () => {
  await using fixture = await FactorFixture.create();
  const { factors } = fixture;
  const device = await addPasskey(fixture, "Phone");
  assert.deepEqual(await signIn(fixture, device), right);
  for (
    const odd of [
      { isUserVerified: false },
      { origin: "https://evil.example" },
      { rpId: "evil.example" },
      { challenge: "AAAA" },
      { userHandle: null },
      { userHandle: "Tk9B" },
      { type: "webauthn.create" },
    ]
  ) assert.deepEqual(await signIn(fixture, device, odd), wrong("wrong_passkey"), JSON.stringify(odd));

  const { options, ticket } = await factors.requestPasskey("sign_in", null);
  const assertion = await device.sign(options);
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => factors.checkPasskey("sign_in", null, { ticket, assertion })),
  );
  assert.equal(answers.filter(({ kind }) => kind === "right").length, 1);
  assert.equal(answers.filter((one) => "reason" in one && one.reason === "gone_challenge").length, 4);
  // A challenge for one thing answers no other.
  const asked = await factors.requestPasskey("check", MIA.id);
  const signed = await device.sign(asked.options);
  assert.deepEqual(
    await factors.checkPasskey("sign_in", null, { ticket: asked.ticket, assertion: signed }),
    wrong("gone_challenge"),
  );
});

Deno.test("after a password a passkey need not look who uses it, and must be that user's", async () => {
  await using fixture = await FactorFixture.create();
  const { factors } = fixture;
  const mine = await addPasskey(fixture, "Key");
  const others = await addPasskey(fixture, "Key", NOA);
  const check = async (device: SoftAuthenticator, odd: Oddities) => {
    const { options, ticket } = await factors.requestPasskey("check", MIA.id);
    const assertion = await device.sign(options, odd);
    return await factors.checkPasskey("check", MIA.id, { ticket, assertion });
  };
  assert.deepEqual(await check(mine, { isUserVerified: false, userHandle: null }), right);
  assert.deepEqual(await check(others, {}), wrong("unknown_passkey"));
});

Deno.test("a passkey whose counter goes back is refused: there are two of it", async () => {
  await using fixture = await FactorFixture.create();
  const device = await addPasskey(fixture, "Key");
  assert.deepEqual(await signIn(fixture, device, { counter: 7 }), right);
  for (const counter of [7, 6, 0]) {
    assert.deepEqual(await signIn(fixture, device, { counter }), wrong("cloned_passkey"), String(counter));
  }
  assert.ok(fixture.logged.some((line) => line.startsWith("warn") && line.includes("copied")));
  assert.deepEqual(await signIn(fixture, device, { counter: 8 }), right);
  // One that never counts stays at 0.
  const plain = await addPasskey(fixture, "Plain");
  for (let use = 0; use < 2; use += 1) assert.deepEqual(await signIn(fixture, plain, { counter: 0 }), right);
});

Deno.test("passkeys are for the public address, by a name and over https, or for localhost", async () => {
  const party = (url: string | undefined) => relyingPartyOf(url, "http://127.0.0.1:8080");
  assert.deepEqual(party(undefined), { id: "localhost", origin: "http://localhost:8080" });
  assert.deepEqual(party("https://sluice.example.com/a/"), { id: "sluice.example.com", origin: ORIGIN });
  assert.deepEqual(party("https://x.example:8443"), { id: "x.example", origin: "https://x.example:8443" });
  for (const url of ["http://sluice.example.com", "https://192.0.2.1", "https://[::1]:8080"]) {
    assert.ok("unavailable" in party(url), url);
  }
  await using fixture = await FactorFixture.create();
  fixture.party = { unavailable: "passkeys need https" };
  await assert.rejects(fixture.factors.startPasskey(MIA), { code: "conflict", message: /need https/ });
  await assert.rejects(fixture.factors.requestPasskey("sign_in", null), { code: "conflict" });
});

Deno.test("what a removed user had is gone with it, and a reset takes all", async () => {
  await using fixture = await FactorFixture.create();
  const { store } = fixture;
  await fixture.addApp();
  await addPasskey(fixture, "Key");
  assert.deepEqual((await store.factors.kinds()).get(MIA.id), ["totp", "passkey"]);
  assert.deepEqual(await store.factors.removeAll(MIA.id), ["totp", "passkey"]);
  assert.deepEqual(await store.factors.removeAll(MIA.id), []);
  assert.equal(await store.factors.countRecoveryCodes(MIA.id), 0);
  await addPasskey(fixture, "Key", NOA);
  await store.people.users.remove(NOA.id);
  assert.equal((await store.factors.kinds()).size, 0);
});
