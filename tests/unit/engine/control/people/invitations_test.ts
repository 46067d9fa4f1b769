import assert from "node:assert/strict";
import type { AuditEntry } from "../../../../../contract/audit/entry.ts";
import { createPeople, type LocalPeople } from "../../../../../engine/control/people/local_people.ts";
import { readMailSettings } from "../../../../../engine/control/people/mail/account_mail.ts";
import { recordedAudit } from "../../../../support/recorded_audit.ts";
import { quickHasher } from "../../../../support/quick_hasher.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { StoreFixture } from "../../store/store_fixture.ts";

const HOUR_MS = 3_600_000;
const PASSWORD = "violet tractor umbrella";

interface Sent {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

interface World {
  readonly people: LocalPeople;
  readonly clock: FakeClock;
  readonly sent: Sent[];
  readonly audited: AuditEntry[];
  /** What the mail server has against the next mails. */
  broken: string | undefined;
}

async function withPeople(work: (world: World) => Promise<void>, hasMail = true): Promise<void> {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const clock = new FakeClock("2026-11-27T12:00:00Z");
  const [sent, audited]: [Sent[], AuditEntry[]] = [[], []];
  const mail = {
    send(to: string, subject: string, text: string) {
      if (world.broken !== undefined) return Promise.reject(new Error(world.broken));
      sent.push({ to, subject, text });
      return Promise.resolve();
    },
  };
  const people = createPeople({
    ...store,
    hasher: quickHasher(),
    clock,
    publicUrl: "https://sluice.example.com",
    trail: recordedAudit(audited),
    ...(hasMail ? { mail } : {}),
  });
  const world: World = { people, clock, sent, audited, broken: undefined };
  await work(world);
}

const linkIn = (text: string): string =>
  /https:\/\/sluice\.example\.com\/password\?link=(\S+)/.exec(text)?.[1] ?? assert.fail(text);

async function reset({ people }: World, name: string): Promise<void> {
  people.passwordResets.request(name, "192.0.2.1");
  await people.passwordResets.settled();
}

Deno.test("who is invited gets a link by mail, good once and for three days", () =>
  withPeople(async ({ people, clock, sent, audited }) => {
    const { user, link, mailed } = await people.invitations.invite(
      { name: "mia", email: "mia@example.com", role: "viewer" },
      "ada",
    );
    assert.deepEqual([user.state, link, mailed], ["invited", null, true]);
    assert.deepEqual(sent.map(({ to, subject }) => [to, subject]), [[
      "mia@example.com",
      "You are invited to Sluice",
    ]]);
    const text = linkIn(sent[0]?.text ?? "");
    await clock.advance(72 * HOUR_MS - 1);
    for (let times = 0; times < 3; times++) {
      assert.equal((await people.passwordLinks.look(text)).owner.name, "mia");
    }
    // Of two at the same time, one sets the password.
    const used = await Promise.allSettled(
      [1, 2].map((n) => people.passwordLinks.use(text, `${PASSWORD} ${n}`)),
    );
    assert.deepEqual(used.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    assert.equal((await people.users.get("mia")).state, "active");
    assert.deepEqual(audited.at(-1)?.details, { by: "invitation", tokens_ended: 0 });
    await assert.rejects(people.passwordLinks.look(text), /good no more/);
    await assert.rejects(people.invitations.invite({ name: "mia" }, "ada"), /has a password already/);
  }));

Deno.test("a link that is over is good no more, and another one can be asked for", () =>
  withPeople(async ({ people, clock, sent }) => {
    await people.invitations.invite({ name: "mia", email: "mia@example.com" }, "ada");
    await clock.advance(72 * HOUR_MS);
    await assert.rejects(people.passwordLinks.use(linkIn(sent[0]?.text ?? ""), PASSWORD), /good no more/);
    await people.invitations.invite({ name: "mia" }, "ada");
    assert.equal((await people.passwordLinks.use(linkIn(sent[1]?.text ?? ""), PASSWORD)).kind, "invitation");
  }));

Deno.test("where no mail can be sent, the link is handed over", async () => {
  await withPeople(async ({ people }) => {
    const { link, problem } = await people.invitations.invite(
      { name: "mia", email: "mia@example.com" },
      "ada",
    );
    assert.match(link ?? "", /^https:\/\/sluice\.example\.com\/password\?link=/);
    assert.match(problem ?? "", /sends no mail/);
  }, false);
  await withPeople(async (world) => {
    world.broken = "550 no such mailbox";
    const { link, problem } = await world.people.invitations.invite(
      { name: "mia", email: "m@example.com" },
      "ada",
    );
    assert.ok(link !== null);
    assert.match(problem ?? "", /550 no such mailbox/);
    assert.match(
      (await world.people.invitations.invite({ name: "ben" }, "ada")).problem ?? "",
      /no address of mail/,
    );
  });
});

Deno.test("services, disabled users and unknown links get nothing", () =>
  withPeople(async ({ people, sent }) => {
    await people.users.create({ name: "bot", kind: "service" }, "ada");
    await assert.rejects(people.invitations.invite({ name: "bot" }, "ada"), /tokens alone/);
    await people.invitations.invite({ name: "mia", email: "mia@example.com" }, "ada");
    await people.users.change("mia", { disabled: true });
    await assert.rejects(people.passwordLinks.use(linkIn(sent[0]?.text ?? ""), PASSWORD), /good no more/);
    await assert.rejects(people.invitations.invite({ name: "mia" }, "ada"), /is disabled/);
    for (const text of ["", "x", "x".repeat(100_000)]) {
      await assert.rejects(people.passwordLinks.look(text), /good no more/);
    }
  }));

Deno.test("a reset goes to those who have a password, ends their sessions and links, and their tokens", () =>
  withPeople(async (world) => {
    const { people, sent, clock, audited } = world;
    const user = { password: PASSWORD, must_change: false };
    await people.users.create({ name: "mia", email: "mia@example.com", ...user }, "ada");
    await people.users.create({ name: "ben", email: "ben@example.com", ...user }, "ada");
    await people.users.create({ name: "sso", email: "sso@example.com" }, "ada");
    await people.users.change("ben", { disabled: true });
    await people.tokens.create({ name: "t", user: "mia" }, "ada");
    for (const name of ["ben", "ben@example.com", "sso", "nobody", "x@y", "mia", "MIA@example.com"]) {
      await reset(world, name);
    }
    assert.deepEqual(sent.map(({ to }) => to), ["mia@example.com", "mia@example.com"]);
    assert.deepEqual(audited.map(({ action, target }) => [action, target?.name]), [
      ["password.reset", "mia"],
      ["password.reset", "mia"],
    ]);
    const [first, second] = sent.map(({ text }) => linkIn(text));
    await clock.advance(HOUR_MS - 1);
    assert.equal((await people.passwordLinks.use(first ?? "", "quite another one")).kind, "reset");
    await assert.rejects(people.passwordLinks.use(second ?? "", "one more of them"), /good no more/);
    assert.deepEqual(await people.tokens.list("mia"), []);
  }));

Deno.test("an account gets three links an hour", () =>
  withPeople(async (world) => {
    await world.people.users.create({ name: "mia", email: "mia@example.com", password: PASSWORD }, "ada");
    for (let n = 0; n < 10; n++) await reset(world, "mia");
    assert.equal(world.sent.length, 3);
    await world.clock.advance(HOUR_MS);
    await reset(world, "mia");
    assert.equal(world.sent.length, 4);
    assert.ok(world.sent.every(({ text }) => !text.includes(PASSWORD)));
  }));

Deno.test("the mail server's address says how it is spoken to, and errors say nothing of its password", () => {
  const read = (
    url: string,
    from = "Sluice <sluice@example.com>",
    publicUrl: string | undefined = "https://x",
  ) => readMailSettings((name) => ({ SLUICE_SMTP_URL: url, SLUICE_MAIL_FROM: from })[name], publicUrl);
  assert.equal(read(""), undefined);
  assert.deepEqual(read("smtp://sluice:p%40ss@mail.example.com:2525")?.server, {
    host: "mail.example.com",
    security: "starttls",
    port: 2525,
    username: "sluice",
    password: "p@ss",
  });
  assert.deepEqual(read("smtps://[::1]")?.server, { host: "::1", security: "tls" });
  assert.deepEqual(read("smtp://127.0.0.1:25?security=none")?.server, {
    host: "127.0.0.1",
    security: "none",
    port: 25,
  });
  for (
    const [url, from, publicUrl, message] of [
      ["mail.example.com", undefined, "https://x", /expected smtp:/],
      ["http://u:s3cret@mail.example.com", undefined, "https://x", /expected smtp:/],
      ["smtp://u:s3cret@mail.example.com?security=none", undefined, "https://x", /in the clear/],
      ["smtp://u:s3cret%@mail.example.com", undefined, "https://x", /%25/],
      ["smtp://mail.example.com?security=maybe", undefined, "https://x", /starttls/],
      ["smtp://u:s3cret@mail.example.com", "nobody", "https://x", /SLUICE_MAIL_FROM/],
      ["smtp://u:s3cret@mail.example.com", "a@b\r\nBcc: c@d", "https://x", /SLUICE_MAIL_FROM/],
    ] as const
  ) {
    assert.throws(() => read(url, from, publicUrl), (error: Error) => {
      assert.match(error.message, message);
      assert.ok(!error.message.includes("s3cret"));
      return true;
    });
  }
  assert.throws(
    () => readMailSettings((name) => name === "SLUICE_SMTP_URL" ? "smtp://x" : "a@b", undefined),
    /PUBLIC_URL/,
  );
});

Deno.test("a link ends with the address that it was mailed to, and with its user's being let in", () =>
  withPeople(async (world) => {
    const { people: { users, passwordLinks, invitations }, sent } = world;
    const mailed = () => linkIn(sent.at(-1)?.text ?? "");
    await invitations.invite({ name: "mia", email: "mai@example.com", role: "viewer" }, "ada");
    const astray = mailed();
    await users.change("mia", { display_name: "Mia" });
    await passwordLinks.look(astray);
    await users.change("mia", { email: "mia@example.com" });
    await assert.rejects(passwordLinks.use(astray, PASSWORD), /good no more/);
    await invitations.invite({ name: "mia" }, "ada");
    await passwordLinks.use(mailed(), PASSWORD);
    await reset(world, "mia");
    const asked = mailed();
    await users.change("mia", { disabled: true });
    await users.change("mia", { disabled: false });
    await assert.rejects(passwordLinks.use(asked, `${PASSWORD} 2`), /good no more/);
  }));
