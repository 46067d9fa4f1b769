import { deepEqual, equal, fail, match, ok } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { ulid } from "ulid";
import type { NotifierDefinition } from "../../../../../contract/alerts/notifiers.ts";
import type { AlertEvent, Delivery } from "../../../../../contract/alerts/problem.ts";
import type { AuditEntry } from "../../../../../contract/audit/entry.ts";
import { systemClock } from "../../../../../contract/clock.ts";
import { Egress } from "../../../../../engine/grants/egress/egress.ts";
import { parseHostRule } from "../../../../../engine/grants/host_rules.ts";
import { defaultPolicy } from "../../../../../engine/grants/policy.ts";
import { AlertSender } from "../../../../../engine/runs/alerts/alert_sender.ts";
import { DeliveryFigures } from "../../../../../engine/runs/seeing/problem_figures.ts";
import { createAlertWay } from "../../../../../engine/runs/alerts/transports/alert_way.ts";
import { LeaseBook } from "../../../../../engine/secrets/leases/lease_book.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { MailServer } from "../../../../support/mail_server.ts";
import { recordedAudit } from "../../../../support/recorded_audit.ts";
import { StoreFixture } from "../../store/store_fixture.ts";

const NOW = Date.parse("2026-03-02T08:00:00Z");
const PATIENCE_MS = 120_000;
const SECRETS: Readonly<Record<string, string>> = { HOOK: "hook-secret-4711", MAIL: "mail-secret-4712" };

function failure(change: Partial<AlertEvent> = {}): AlertEvent {
  return {
    event: "failure",
    of: null,
    key: "orders failure",
    pipeline: "orders",
    run: "01KRUN",
    at: "2026-03-02T08:00:00.000Z",
    message: "no route to <shop> & co",
    count: 1,
    attempt: 2,
    trigger: "schedule",
    duration_ms: 61_000,
    rows_extracted: 1_234,
    rows_loaded: 0,
    ...change,
  };
}

/** What a receiver over HTTP got. */
interface Got {
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

/** A receiver over HTTP that answers as it is told, one request after the other; then with 200. */
class Receiver implements AsyncDisposable {
  readonly got: Got[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #held = Promise.withResolvers<void>();

  constructor(...answers: readonly (Response | "hang")[]) {
    const rest = [...answers];
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      this.got.push({
        path: new URL(request.url).pathname,
        headers: request.headers,
        body: await request.text(),
      });
      const answer = rest.shift() ?? new Response("thanks");
      if (answer !== "hang") return answer;
      await this.#held.promise;
      return new Response();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/hook`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#held.resolve();
    await this.#server.shutdown();
  }
}

/** A store with notifiers and who sends what waits there. */
class Sending implements AsyncDisposable {
  readonly clock = new FakeClock(NOW);
  readonly figures = new DeliveryFigures();
  readonly logged: string[] = [];
  readonly recorded: AuditEntry[] = [];
  readonly store: Store;
  readonly #stores: StoreFixture;
  readonly #egress = new Egress(systemClock);
  readonly #senders: AlertSender[] = [];

  private constructor(stores: StoreFixture, store: Store) {
    this.#stores = stores;
    this.store = store;
  }

  static async create(notifiers: Readonly<Record<string, NotifierDefinition>>): Promise<Sending> {
    const stores = new StoreFixture();
    const store = await stores.open();
    await store.alerts.putNotifiers(notifiers, new Set());
    return new Sending(stores, store);
  }

  /** A sender as one server has it. */
  start({ isAlone = true, privateHosts = ["127.0.0.1"], sendMs = 10_000 } = {}): AlertSender {
    const { store, clock, figures } = this;
    const policy = {
      ...defaultPolicy("/nowhere"),
      privateHostsAllow: privateHosts.map(parseHostRule).filter((rule) => rule !== undefined),
    };
    const sender = new AlertSender({
      store,
      clock,
      figures,
      log: (_level, message, fields) => void this.logged.push(`${message} ${JSON.stringify(fields)}`),
      secretKeeping: {
        audit: recordedAudit(this.recorded),
        leases: new LeaseBook({ clock, log: () => {} }),
      },
      references: { env: () => undefined, secrets: { get: (name) => Promise.resolve(SECRETS[name]) } },
      way: createAlertWay(this.#egress, policy),
      isAlone,
      sendMs,
      publicUrl: "https://sluice.example.com/",
    });
    this.#senders.push(sender);
    sender.start();
    return sender;
  }

  async tell(notifier: string, ...events: AlertEvent[]): Promise<void> {
    const nowMs = this.clock.now();
    const notice = (event: AlertEvent) => ({ notifier, event, deliveryId: ulid(nowMs), groupMs: 1 });
    await this.store.alerts.apply(nowMs, events.map((event) => ({ type: "notify", notice: notice(event) })));
    await this.clock.advance(1);
    for (const sender of this.#senders) sender.look();
  }

  /** The newest delivery, once it is as the caller wants it. */
  async until(isThere: (delivery: Delivery) => boolean): Promise<Delivery> {
    const deadlineMs = Date.now() + PATIENCE_MS;
    for (;;) {
      const [newest] = await this.store.alerts.deliveries({ limit: 1 });
      if (newest !== undefined && isThere(newest)) return newest;
      if (Date.now() > deadlineMs) fail(`it is still ${JSON.stringify(newest)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** The newest delivery, once it was sent or given up. */
  ended(): Promise<Delivery> {
    return this.until(({ state }) => state !== "waiting");
  }

  /** How tries for the team ended. */
  counted(): Record<string, number> {
    const samples = this.figures.samples(["team"]).sluice_alert_deliveries_total ?? [];
    return Object.fromEntries(samples.map(({ labels, value }) => [labels["outcome"] ?? "", value]));
  }

  async open(): Promise<string[]> {
    return (await this.store.alerts.open()).map(({ key, message }) => `${key}: ${message}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sender of this.#senders) await sender.stop();
    await this.#egress[Symbol.asyncDispose]();
    await this.#stores[Symbol.asyncDispose]();
  }
}

const webhook = (url: string, more: Record<string, unknown> = {}): Record<string, NotifierDefinition> => ({
  team: { type: "webhook", url, ...more },
});

Deno.test("a webhook gets the events, signed, with a key that a repeat has as well", async () => {
  await using receiver = new Receiver();
  await using sending = await Sending.create(webhook(receiver.url, { secret: "${secret:HOOK}" }));
  sending.start();
  await sending.tell("team", failure());
  const delivery = await sending.ended();
  deepEqual([delivery.state, delivery.attempt, delivery.title], ["sent", 1, "orders failed"]);
  const got = receiver.got[0] ?? fail("nothing arrived");
  const body = JSON.parse(got.body);
  deepEqual([body.id, body.repeated, body.events.length], [delivery.id, false, 1]);
  equal(body.events[0].url, "https://sluice.example.com/runs/01KRUN");
  equal(got.headers.get("idempotency-key"), delivery.id);
  const signed = createHmac("sha256", SECRETS["HOOK"] ?? "").update(got.body).digest("hex");
  equal(got.headers.get("x-sluice-signature"), `sha256=${signed}`);
  deepEqual([sending.logged, await sending.open()], [[], []]);
});

Deno.test("a clock that is set back holds up no alert, and hammers on no receiver", async () => {
  await using receiver = new Receiver(new Response("not now", { status: 503 }));
  await using sending = await Sending.create(webhook(receiver.url));
  const sender = sending.start();
  const notice = { notifier: "team", event: failure(), deliveryId: ulid(NOW), groupMs: 30_000 };
  await sending.store.alerts.apply(NOW, [{ type: "notify", notice }]);
  await sending.clock.jump(-3_600_000);
  sender.look();
  await sending.until(({ error }) => error !== null);
  sender.look();
  await sending.clock.advance(9_000);
  equal(receiver.got.length, 1);
  await sending.clock.advance(1_000);
  equal((await sending.ended()).attempt, 2);
});

Deno.test("a receiver that answers 503, hangs, or wants a pause is asked again, as a repeat; then all is well", async () => {
  const pause = new Response("slow down", { status: 429, headers: { "retry-after": "600" } });
  await using receiver = new Receiver(new Response("not now", { status: 503 }), "hang", pause);
  await using sending = await Sending.create(webhook(receiver.url));
  // Long enough for a busy machine.
  sending.start({ sendMs: 2_500 });
  await sending.tell("team", failure());
  const first = await sending.until(({ error }) => error !== null);
  deepEqual([first.state, first.error, first.not_before], ["waiting", "answered 503: not now", at(10_001)]);
  deepEqual(await sending.open(), ["notifier team delivery: answered 503: not now"]);
  await sending.clock.advance(10_000);
  const second = await sending.until(({ error }) => error?.includes("in time") === true);
  deepEqual([second.attempt, second.title], [2, "[repeated] orders failed"]);
  await sending.clock.advance(30_000);
  const third = await sending.until(({ error }) => error?.includes("429") === true);
  equal(third.not_before, at(40_001 + 600_000), "no sooner than it has asked for");
  await sending.clock.advance(600_000);
  const last = await sending.ended();
  deepEqual([last.state, last.attempt], ["sent", 4]);
  deepEqual(sending.counted(), { sent: 1, retried: 3, failed: 0 });
  const keys = receiver.got.map(({ headers }) => headers.get("idempotency-key"));
  deepEqual(new Set(keys), new Set([last.id]));
  deepEqual(receiver.got.map(({ body }) => JSON.parse(body).repeated), [false, true, true, true]);
  deepEqual(await sending.open(), [], "what could not be delivered is no problem any more");
});

const at = (afterMs: number) => new Date(NOW + afterMs).toISOString();

Deno.test("what will not be taken is given up at once, and says so where problems are", async () => {
  for (
    const [answer, words] of [
      [new Response("no such hook", { status: 404 }), "answered 404: no such hook"],
      [new Response("", { status: 301, headers: { location: "http://169.254.169.254/" } }), "answered 301"],
    ] as const
  ) {
    await using receiver = new Receiver(answer);
    await using sending = await Sending.create(webhook(receiver.url));
    sending.start();
    await sending.tell("team", failure());
    const delivery = await sending.ended();
    deepEqual([delivery.state, delivery.attempt, receiver.got.length], ["failed", 1, 1]);
    ok(delivery.error?.startsWith(words), delivery.error ?? "");
    match((await sending.open())[0] ?? "", /^notifier team delivery: an alert was given up: answered/);
  }
});

Deno.test("a receiver that nobody listens at is asked eleven times, over fifteen hours", async () => {
  const receiver = new Receiver();
  await receiver[Symbol.asyncDispose]();
  await using sending = await Sending.create(webhook(receiver.url));
  sending.start();
  await sending.tell("team", failure());
  let tries = 0;
  for (;;) {
    const { state, attempt, not_before } = await sending.until((one) =>
      one.state === "failed" || (one.attempt > tries && one.error !== null)
    );
    tries = attempt;
    if (state === "failed") break;
    await sending.clock.jump(Date.parse(not_before ?? "") - sending.clock.now());
  }
  equal(tries, 11);
  deepEqual(sending.counted(), { sent: 0, retried: 10, failed: 1 });
  ok(sending.clock.now() - NOW > 15 * 3_600_000);
});

Deno.test("a private address needs the operator's word, by whatever way it is reached", async () => {
  await using receiver = new Receiver();
  await using mail = new MailServer();
  const definitions: Record<string, NotifierDefinition> = {
    ...webhook(receiver.url),
    mail: { type: "smtp", host: "127.0.0.1", port: mail.port, security: "none", from: "a@b.c", to: "d@e.f" },
  };
  await using sending = await Sending.create(definitions);
  sending.start({ privateHosts: [] });
  for (const name of Object.keys(definitions)) {
    await sending.tell(name, failure());
    const delivery = await sending.until((one) => one.notifier === name && one.state !== "waiting");
    equal(delivery.state, "failed");
    match(delivery.error ?? "", /private_hosts_allow/);
  }
  deepEqual([receiver.got.length, mail.received.length], [0, 0]);
});

Deno.test("no secret is in what is logged and shown, also where a receiver sends it back", async () => {
  await using receiver = new Receiver(new Response(`unknown token ${SECRETS["HOOK"]}`, { status: 403 }));
  const notifiers = webhook(receiver.url, { headers: { authorization: "Bearer ${secret:HOOK}" } });
  await using sending = await Sending.create({
    ...notifiers,
    other: { type: "slack", url: "${secret:UNKNOWN}" },
  });
  sending.start();
  await sending.tell("team", failure());
  const delivery = await sending.ended();
  equal(receiver.got[0]?.headers.get("authorization"), `Bearer ${SECRETS["HOOK"]}`);
  equal(delivery.error, "answered 403: unknown token [redacted]");
  const [used] = sending.recorded;
  deepEqual([used?.action, used?.target?.name, used?.details], ["secret.use", "secret:HOOK", {
    notifier: "team",
    for: "alert",
  }]);
  ok(!JSON.stringify(sending.recorded).includes(SECRETS["HOOK"] ?? ""));
  ok(!JSON.stringify([sending.logged, await sending.open()]).includes(SECRETS["HOOK"] ?? ""));
  await sending.tell("other", failure());
  const second = await sending.until((one) => one.notifier === "other" && one.state === "failed");
  match(second.error ?? "", /Cannot resolve \$\{secret:UNKNOWN\} of notifier "other", key url/);
});

Deno.test("a mail reaches its server, signed in, with the same Message-ID when it is repeated", async () => {
  await using mail = new MailServer({
    recipientReply: (_address, attempt) => attempt === 1 ? "451 try later" : undefined,
  });
  await using sending = await Sending.create({
    team: {
      type: "smtp",
      host: "127.0.0.1",
      port: mail.port,
      security: "none",
      username: "sluice",
      password: "${secret:MAIL}",
      from: "Sluice <sluice@example.com>",
      to: ["ann@example.com"],
      title: "{{pipeline}} {{event}} €",
      text: "{{message}} after {{duration}}, {{rows_extracted}} rows: {{url}}",
    },
  });
  sending.start();
  await sending.tell("team", failure());
  const first = await sending.until(({ error }) => error !== null);
  deepEqual([first.state, first.attempt], ["waiting", 1]);
  match(first.error ?? "", /451 try later/);
  await sending.clock.advance(10_000);
  equal((await sending.ended()).state, "sent");
  const received = mail.received[0] ?? fail("no mail");
  deepEqual([received.from, received.to], ["sluice@example.com", ["ann@example.com"]]);
  equal(received.user, `sluice:${SECRETS["MAIL"]}`);
  equal(received.headers["message-id"], `<${first.id}@sluice>`);
  equal(received.headers["x-sluice-repeated"], "true");
  match(received.headers["subject"] ?? "", /^=\?UTF-8\?/);
  match(received.body.replaceAll("=\r\n", ""), /no route to <shop> & co after 1 m 01 s, 1,234 rows: https:/);
});

Deno.test("a mail is not sent in the clear where the notifier wants TLS, and is given up where it is refused", async () => {
  await using mail = new MailServer({ recipientReply: () => "550 no such user" });
  const base = { type: "smtp" as const, host: "127.0.0.1", port: mail.port, from: "a@b.c", to: "d@e.f" };
  await using sending = await Sending.create({ strict: base, clear: { ...base, security: "none" } });
  sending.start();
  await sending.tell("strict", failure());
  const strict = await sending.until(({ error }) => error !== null);
  match(strict.error ?? "", /STARTTLS/i);
  await sending.tell("clear", failure());
  const clear = await sending.until((one) => one.notifier === "clear" && one.state !== "waiting");
  deepEqual([clear.state, mail.received.length], ["failed", 0]);
  match(clear.error ?? "", /550 no such user/);
});

Deno.test("a mail goes over TLS to a server that is trusted, and to no other", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-mail-" });
  try {
    const [certPath, keyPath] = [`${folder}/cert.pem`, `${folder}/key.pem`];
    const request =
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost";
    const args = [
      ...request.split(" "),
      "-addext",
      "subjectAltName=DNS:localhost",
      "-out",
      certPath,
      "-keyout",
      keyPath,
    ];
    ok((await new Deno.Command("openssl", { args, stderr: "null" }).output()).success);
    const tls = { cert: await Deno.readTextFile(certPath), key: await Deno.readTextFile(keyPath) };
    await using mail = new MailServer({ tls });
    const base = {
      type: "smtp" as const,
      host: "localhost",
      port: mail.port,
      security: "tls",
      from: "a@b.c",
      to: "d@e.f",
    };
    await using sending = await Sending.create({ trusting: { ...base, ca: tls.cert }, usual: base });
    sending.start({ privateHosts: ["localhost"] });
    await sending.tell("usual", failure());
    match((await sending.until(({ error }) => error !== null)).error ?? "", /self-signed certificate/);
    await sending.tell("trusting", failure());
    await sending.until((one) => one.notifier === "trusting" && one.state === "sent");
    deepEqual(mail.received.map(({ to }) => to), [["d@e.f"]]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what signs in goes to another machine over TLS, or where the policy names it", async () => {
  const hook = { type: "webhook", url: "http://hooks.example/x" } as const;
  const mail = { type: "smtp", host: "mail.example", security: "none", from: "a@b.c", to: "d@e.f" } as const;
  const notifiers: Readonly<Record<string, NotifierDefinition>> = {
    basic: { ...hook, username: "u", password: "p" },
    header: { ...hook, headers: { Authorization: "Bearer x" } },
    chat: { type: "slack", url: "http://hooks.example/services/x" },
    mail: { ...mail, username: "u", password: "p" },
  };
  await using sending = await Sending.create({ ...notifiers, open: hook, openMail: mail });
  sending.start({ privateHosts: [] });
  const errorOf = async (notifier: string) => {
    await sending.tell(notifier, failure());
    return (await sending.until((one) => one.notifier === notifier && one.error !== null)).error ?? "";
  };
  for (const [notifier, { type }] of Object.entries(notifiers)) {
    const host = type === "smtp" ? "mail.example" : "hooks.example";
    match(
      await errorOf(notifier),
      new RegExp(`May not sign in at ${host}.* add ${host} to plain_hosts_allow`),
    );
  }
  for (const notifier of ["open", "openMail"]) {
    match(
      await errorOf(notifier),
      /Cannot connect to .*no address|May not connect|cannot be reached/,
      notifier,
    );
  }
});

Deno.test("chats, PagerDuty, Sentry and providers of text messages get what they take", async () => {
  await using receiver = new Receiver();
  const { url } = receiver;
  const { host } = new URL(url);
  await using sending = await Sending.create({
    slack: { type: "slack", url },
    teams: { type: "teams", url },
    pager: { type: "pagerduty", key: "${secret:HOOK}", url },
    sentry: { type: "sentry", dsn: `http://abc@${host}/42`, environment: "test" },
    phone: {
      type: "sms",
      url,
      to: ["+1", "+2"],
      from: "Sluice",
      username: "AC1",
      password: "${secret:HOOK}",
      form: { To: "{{to}}", From: "{{from}}", Body: "{{title}}" },
    },
    plain: { type: "sms", url, to: "+3" },
  });
  sending.start();
  const recovery = failure({ event: "recovery", of: "failure", message: "succeeded" });
  const bodies = async (name: string, ...events: AlertEvent[]) => {
    receiver.got.length = 0;
    await sending.tell(name, ...events);
    const delivery = await sending.until((one) => one.notifier === name && one.state !== "waiting");
    equal(delivery.state, "sent", delivery.error ?? "");
    return receiver.got.map(({ body }) => body);
  };

  const slack = JSON.parse((await bodies("slack", failure()))[0] ?? "");
  equal(slack.text, "orders failed");
  match(slack.blocks[1].text.text, /no route to &lt;shop&gt; &amp; co/);

  const teams = JSON.parse((await bodies("teams", failure()))[0] ?? "");
  equal(teams.attachments[0].contentType, "application/vnd.microsoft.card.adaptive");
  equal(teams.attachments[0].content.actions[0].url, "https://sluice.example.com/runs/01KRUN");

  const pager = (await bodies("pager", failure(), failure({ event: "success" }), recovery))
    .map((body) => JSON.parse(body));
  deepEqual(pager.map(({ event_action, dedup_key }) => [event_action, dedup_key]), [
    ["trigger", "sluice orders failure"],
    ["resolve", "sluice orders failure"],
  ]);
  deepEqual([pager[0].payload.severity, pager[0].routing_key], ["error", SECRETS["HOOK"]]);

  const [envelope = ""] = await bodies("sentry", failure());
  const [head = "", item = "", event = ""] = envelope.split("\n");
  equal(receiver.got[0]?.path, "/api/42/envelope/");
  match(receiver.got[0]?.headers.get("x-sentry-auth") ?? "", /sentry_key=abc/);
  equal(JSON.parse(item).length, new TextEncoder().encode(event).length);
  match(JSON.parse(head).event_id, /^[0-9a-f]{32}$/);
  deepEqual([JSON.parse(event).level, JSON.parse(event).environment], ["error", "test"]);

  const texts = (await bodies("phone", failure())).map((body) =>
    Object.fromEntries(new URLSearchParams(body))
  );
  deepEqual(texts, [
    { To: "+1", From: "Sluice", Body: "orders failed" },
    { To: "+2", From: "Sluice", Body: "orders failed" },
  ]);
  equal(receiver.got[0]?.headers.get("authorization"), `Basic ${btoa(`AC1:${SECRETS["HOOK"]}`)}`);
  const own = JSON.parse((await bodies("plain", failure()))[0] ?? "");
  equal(own.to, "+3");
  ok(own.text.startsWith("orders failed: no route") && own.text.length <= 160);
});

Deno.test("a server that dies while it sends leaves a repeat to the next; another server waits until nobody can be at it", async () => {
  await using receiver = new Receiver(new Response("not now", { status: 503 }));
  await using sending = await Sending.create(webhook(receiver.url));
  const { alerts } = sending.store;
  await sending.tell("team", failure());
  const [id = ""] = await alerts.due(sending.clock.now(), 1);
  // The server wrote that it begins, sent it perhaps, and was killed.
  await alerts.claim(id, sending.clock.now(), sending.clock.now() + 60_000);
  equal(await alerts.claim(id, sending.clock.now(), 0), undefined, "one at a time");
  sending.start({ isAlone: false });
  await sending.clock.advance(59_000);
  equal(receiver.got.length, 0);
  await sending.clock.advance(2_000);
  const second = await sending.until(({ error }) => error !== null);
  deepEqual([second.attempt, JSON.parse(receiver.got[0]?.body ?? "").repeated], [2, true]);

  // One that is alone knows at once that nobody else is at it.
  await sending.clock.advance(30_000);
  await sending.ended();
  await using alone = await Sending.create(webhook(receiver.url));
  await alone.tell("team", failure());
  const [other = ""] = await alone.store.alerts.due(alone.clock.now(), 1);
  await alone.store.alerts.claim(other, alone.clock.now(), alone.clock.now() + 60_000);
  alone.start();
  deepEqual([(await alone.ended()).state, (await alone.ended()).attempt], ["sent", 2]);
});

Deno.test("a message of many events tells twenty and how many more there are", async () => {
  await using receiver = new Receiver();
  await using sending = await Sending.create(webhook(receiver.url));
  sending.start();
  const events = Array.from({ length: 30 }, (_, index) => failure({ pipeline: `p${index}` }));
  await sending.tell("team", ...events, failure({ event: "recovery", of: "failure" }));
  const delivery = await sending.ended();
  deepEqual(
    [delivery.title, delivery.event_count, delivery.events.length],
    ["Sluice: 30 failures, 1 recovery", 31, 20],
  );
  const body = JSON.parse(receiver.got[0]?.body ?? "");
  equal(body.events.length, 31, "a program gets all of them");
  match(body.text, /p19 failed: .*\n… and 11 more events: 10 failures, 1 recovery$/);
});
