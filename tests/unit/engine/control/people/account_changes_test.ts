import assert from "node:assert/strict";
import { createPeople, type LocalPeople } from "../../../../../engine/control/people/local_people.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { quickHasher } from "../../../../support/quick_hasher.ts";
import { StoreFixture } from "../../store/store_fixture.ts";

const PASSWORD = "violet tractor umbrella";
const ANOTHER = "quite another umbrella";

interface World {
  readonly people: LocalPeople;
  readonly store: Store;
  readonly sent: { to: string; subject: string; text: string }[];
  readonly logged: string[];
  /** What is against sending mails. */
  broken: string | undefined;
}

/** Mia, with two tokens, one of which was made with the other, and a session; and Ben with a token of his own. */
async function withMia(work: (world: World) => Promise<void>): Promise<void> {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const clock = new FakeClock("2026-11-27T12:00:00Z");
  const [sent, logged]: [World["sent"], string[]] = [[], []];
  const mail = {
    send(to: string, subject: string, text: string) {
      if (world.broken !== undefined) return Promise.reject(new Error(world.broken));
      sent.push({ to, subject, text });
      return Promise.resolve();
    },
  };
  const log = (level: string, message: string, fields: unknown) =>
    void logged.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const publicUrl = "https://sluice.example.com";
  const people = createPeople({ ...store, hasher: quickHasher(), clock, mail, publicUrl, log });
  const world: World = { people, store, sent, logged, broken: undefined };
  await people.users.create({ name: "mia", email: "mia@example.com", password: PASSWORD }, "ada");
  await people.users.create({ name: "ben", password: PASSWORD }, "ada");
  const { id } = await people.tokens.create({ name: "laptop", user: "mia" }, "mia");
  await people.tokens.create({ name: "child", user: "mia" }, "mia", { parent: id });
  await people.tokens.create({ name: "laptop", user: "ben" }, "ben");
  await work(world);
}

const tokensOf = async ({ people }: World, user = "mia") =>
  (await people.tokens.list(user)).map(({ name }) => name);

Deno.test("a password that somebody else sets ends the user's tokens, unless they are to stay, and a mail says so", () =>
  withMia(async (world) => {
    const { people, sent } = world;
    const kept = await people.passwords.set("mia", { password: ANOTHER, end_tokens: false }, "ada");
    assert.deepEqual(kept, { tokens_ended: 0, mailed: true, problem: null });
    assert.deepEqual(await tokensOf(world), ["child", "laptop"]);
    const set = await people.passwords.set("mia", { password: PASSWORD }, "local:ann");
    assert.deepEqual(set, { tokens_ended: 2, mailed: true, problem: null });
    assert.deepEqual([await tokensOf(world), await tokensOf(world, "ben")], [[], ["laptop"]]);
    assert.deepEqual(sent.map(({ to, subject }) => [to, subject]), [
      ["mia@example.com", "Your password for Sluice was set"],
      ["mia@example.com", "Your password for Sluice was set"],
    ]);
    const [first, second] = sent.map(({ text }) => text);
    assert.match(first ?? "", /^ada has set another password of mia at Sluice on 2026-11-27 12:00 UTC\./);
    assert.ok(!first?.includes("token"), first);
    assert.match(second ?? "", /^local:ann has set .*has ended, and 2 tokens of yours\./s);
    assert.ok(!sent.some(({ text }) => text.includes(PASSWORD) || text.includes(ANOTHER)));
  }));

Deno.test("a reset by a mailed link ends the tokens, and a password of one's own choice does not, each unless said", () =>
  withMia(async (world) => {
    const { people, store } = world;
    const { id } = await people.users.get("mia");
    const linkTo = async (kind: "reset" | "change") =>
      (await people.passwordLinks.make(id, kind, null)).replace("/password?link=", "");
    const changed = await people.passwordLinks.use(await linkTo("change"), ANOTHER);
    assert.deepEqual([changed.tokensEnded, await tokensOf(world)], [0, ["child", "laptop"]]);
    const kept = await people.passwordLinks.use(await linkTo("reset"), ANOTHER, { endsTokens: false });
    assert.deepEqual([kept.tokensEnded, await tokensOf(world)], [0, ["child", "laptop"]]);
    assert.equal(await people.passwords.choose(id, PASSWORD, {}), 0);
    assert.equal((await people.passwordLinks.use(await linkTo("reset"), ANOTHER)).tokensEnded, 2);
    assert.deepEqual([await tokensOf(world), await tokensOf(world, "ben")], [[], ["laptop"]]);
    await people.tokens.create({ name: "next", user: "mia" }, "mia");
    assert.equal(await people.passwords.choose(id, PASSWORD, { endsTokens: true }), 1);

    // One that cannot be used ends nothing.
    await people.tokens.create({ name: "next", user: "mia" }, "mia");
    await assert.rejects(people.passwordLinks.use("unknown", ANOTHER, { endsTokens: true }), /good no more/);
    assert.equal(
      await store.passwords.useLink("unknown", {
        hash: "x",
        mustChange: false,
        changedAtMs: 0,
      }, { endsTokens: true }),
      undefined,
    );
    assert.deepEqual(await tokensOf(world), ["next"]);
  }));

Deno.test("who had second factors hears by mail that they are gone", () =>
  withMia(async ({ people, store, sent }) => {
    const none = await people.factors.reset("mia", "ada");
    assert.deepEqual([none, sent.length], [{ kinds: [], mailed: false, problem: null }, 0]);
    const { id } = await people.users.get("mia");
    await store.factors.putPendingTotp(id, "sealed", 1);
    await store.factors.activateTotp(id, 1, 1, 1);
    const gone = await people.factors.reset("mia", "ada");
    assert.deepEqual(gone, { kinds: ["totp"], mailed: true, problem: null });
    assert.match(
      sent[0]?.text ?? "",
      /^ada has removed the authenticator app of mia .* on 2026-11-27 12:00 UTC/,
    );
  }));

Deno.test("a mail that cannot be sent changes nothing of what was done, and is said and logged", () =>
  withMia(async (world) => {
    const { people, logged } = world;
    const ben = await people.passwords.set("ben", { password: ANOTHER }, "ada");
    assert.deepEqual(ben, {
      tokens_ended: 1,
      mailed: false,
      problem: 'No mail was sent: "ben" has no address of mail',
    });
    world.broken = "the mail server is away";
    const mia = await people.passwords.set("mia", { password: ANOTHER }, "ada");
    assert.deepEqual(mia, {
      tokens_ended: 2,
      mailed: false,
      problem: "No mail was sent: the mail server is away",
    });
    assert.ok(await people.passwords.isRight((await people.users.get("mia")).id, ANOTHER));
    assert.equal(logged.length, 1);
    assert.match(logged[0] ?? "", /^warn A mail about a changed account could not be sent .*"mia".*is away/);
  }));
