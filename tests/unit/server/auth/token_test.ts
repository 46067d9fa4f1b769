import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { ENV_TOKEN_NAME, LOCAL_TOKEN_NAME } from "../../../../contract/names.ts";
import { createPeople } from "../../../../engine/control/people/local_people.ts";
import { hashToken, newTokenText } from "../../../../engine/control/people/token_text.ts";
import { ensureFirstToken, renewLocalToken } from "../../../../server/auth/token.ts";
import type { LetIn } from "../../../../engine/store/ports/access.ts";
import type { Mark } from "../../../../server/data_folder.ts";
import { quickHasher } from "../../../support/quick_hasher.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { StoreFixture } from "../../engine/store/store_fixture.ts";

const clock = { now: () => 1_000 };
const roleOf = (letIn: LetIn | undefined) => letIn?.identity.roles[0]?.role;

Deno.test("newTokenText() is slc_ and 256 bits in base64url, another one each time", () => {
  const texts = Array.from({ length: 100 }, newTokenText);
  for (const text of texts) assert.match(text, /^slc_[A-Za-z0-9_-]{43}$/);
  assert.equal(new Set(texts).size, 100);
});

Deno.test("hashToken() is hex of SHA-256", async () => {
  assert.equal(await hashToken("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

Deno.test("a token that is made is stored as a hash and not as it is", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const { access } = store;
  const { tokens } = createPeople({ ...store, hasher: quickHasher(), clock });
  const { token, id } = await tokens.create({ name: "ci", role: "operator" }, "ada");
  assert.equal((await access.findToken(await hashToken(token), 3_000))?.token?.id, id);
  const files = await Promise.all(
    ["", "-wal"].map((suffix) => Deno.readFile(`${fixture.path}${suffix}`)),
  );
  const text = files.map((bytes) => new TextDecoder("latin1").decode(bytes)).join("");
  assert.ok(text.includes(id));
  assert.ok(!text.includes(token) && !text.includes(token.slice(4)));
});

/** A mark in memory. */
class FakeMark implements Mark {
  value = false;
  isSet = () => Promise.resolve(this.value);
  set = () => Promise.resolve(void (this.value = true));
  clear = () => Promise.resolve(void (this.value = false));
}

Deno.test("ensureFirstToken() makes an admin's token once, where there is none", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  const mark = new FakeMark();
  await renewLocalToken(access, clock);
  const first = await ensureFirstToken(access, undefined, mark, clock);
  assert.ok(first !== undefined);
  assert.equal(roleOf(await access.findToken(await hashToken(first.token), 3_000)), "admin");
  await first.shown();
  assert.equal(await ensureFirstToken(access, undefined, mark, clock), undefined);
  assert.equal(await ensureFirstToken(access, "", mark, clock), undefined);
  for (const { id, name } of await access.listTokens()) {
    if (name !== LOCAL_TOKEN_NAME) await access.revokeToken(id);
  }
  assert.ok(await ensureFirstToken(access, undefined, mark, clock));
});

Deno.test("ensureFirstToken() makes another token where nobody was shown the first", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  const mark = new FakeMark();
  const lost = await ensureFirstToken(access, undefined, mark, clock);
  const next = await ensureFirstToken(access, undefined, mark, clock);
  assert.ok(lost !== undefined && next !== undefined && lost.token !== next.token);
  assert.equal(await access.findToken(await hashToken(lost.token), 3_000), undefined);
  assert.equal(roleOf(await access.findToken(await hashToken(next.token), 3_000)), "admin");
  assert.equal((await access.listTokens()).length, 1);
  await next.shown();
  assert.equal(await ensureFirstToken(access, undefined, mark, clock), undefined);
});

Deno.test("ensureFirstToken() lets a token be that was used, whatever the mark says", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  const mark = new FakeMark();
  const first = await ensureFirstToken(access, undefined, mark, clock);
  const [record] = await access.listTokens();
  await access.touchToken(record?.id ?? "", 2_000);
  assert.equal(await ensureFirstToken(access, undefined, mark, clock), undefined);
  assert.ok(await access.findToken(await hashToken(first?.token ?? ""), 3_000));
});

Deno.test("ensureFirstToken() puts SLUICE_TOKEN in force, and a changed one in place of it", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  const mark = new FakeMark();
  for (const token of ["the-first-value-of-it", "the-first-value-of-it", "the-second-value-of-it"]) {
    assert.equal(await ensureFirstToken(access, token, mark, clock), undefined);
    const found = await access.findToken(await hashToken(token), 3_000);
    assert.deepEqual([found?.identity.user.name, roleOf(found)], [ENV_TOKEN_NAME, "admin"]);
  }
  assert.equal(await access.findToken(await hashToken("the-first-value-of-it"), 3_000), undefined);
  assert.equal((await access.listTokens()).length, 1);
});

Deno.test("ensureFirstToken() ends the token of a SLUICE_TOKEN that is not set any more", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  const mark = new FakeMark();
  await ensureFirstToken(access, "the-first-value-of-it", mark, clock);
  const first = await ensureFirstToken(access, undefined, mark, clock);
  assert.equal(await access.findToken(await hashToken("the-first-value-of-it"), 3_000), undefined);
  assert.ok(first, "somebody must be able to sign in");
});

Deno.test("ensureFirstToken() refuses a SLUICE_TOKEN that no header could carry or that is short, without showing it", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  for (
    const token of [
      "with space in the middle",
      "line\nbreak in the middle",
      "schlüssel-schlüssel",
      "a",
      "fifteen-letters",
    ]
  ) {
    await assert.rejects(ensureFirstToken(access, token, new FakeMark(), clock), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "invalid");
      assert.ok(token === "a" || !error.message.includes(token));
      return true;
    });
  }
  assert.deepEqual(await access.listTokens(), []);
});

Deno.test("renewLocalToken() ends the token of the start before", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  const tokens = [await renewLocalToken(access, clock), await renewLocalToken(access, new FakeClock(2_000))];
  const found = await Promise.all(
    tokens.map(async (token) => roleOf(await access.findToken(await hashToken(token), 3_000))),
  );
  assert.deepEqual(found, [undefined, "admin"]);
});
