import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import type { AuditEntry } from "../../../../../contract/audit/entry.ts";
import { AppError } from "../../../../../contract/errors.ts";
import { createAudit } from "../../../../../engine/control/audit/audit_log.ts";
import { verifyChain } from "../../../../../engine/control/audit/verify_chain.ts";
import type { AuditStore } from "../../../../../engine/store/audit/port.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { StoreFixture } from "../../store/store_fixture.ts";

const ANN = { id: "u1", name: "ann", kind: "person", address: "127.0.0.1" } as const;
const entry = (change: Partial<AuditEntry> = {}): AuditEntry => ({
  action: "user.create",
  actor: ANN,
  target: { kind: "user", name: "ben" },
  ...change,
});
const full = () => new AppError("unavailable", "Cannot write the audit log: the disk is full");

/** The store, as long as `failure` is undefined. */
function flaky(inner: AuditStore): { store: AuditStore; failWith(failure: AppError | undefined): void } {
  let failure: AppError | undefined;
  const or = <T>(act: () => Promise<T>): Promise<T> =>
    failure === undefined ? act() : Promise.reject(failure);
  return {
    store: {
      ...inner,
      append: (lines) => or(() => inner.append(lines)),
      putIntent: (intent) => or(() => inner.putIntent(intent)),
    },
    failWith: (error) => void (failure = error),
  };
}

async function open(fixture: StoreFixture) {
  const { audit } = await fixture.open();
  const { store, failWith } = flaky(audit);
  const clock = new FakeClock(Date.parse("2026-01-01T12:00:00Z"));
  const said: string[] = [];
  const trail = createAudit({ store, clock, log: (level, message) => void said.push(`${level} ${message}`) });
  const told = async () =>
    (await audit.read(0, 1_000)).map(({ action, outcome, details }) => ({ action, outcome, details }));
  return { audit, failWith, clock, said, trail, told };
}

Deno.test("record() returns when the line is on the disk; what comes at once is in order", async () => {
  await using fixture = new StoreFixture();
  const { audit, trail } = await open(fixture);
  await Promise.all(
    Array.from({ length: 120 }, (_, n) => trail.record(entry({ details: { n } }))),
  );
  const lines = await audit.read(0, 1_000);
  deepStrictEqual(lines.map(({ details }) => details?.["n"]), Array.from({ length: 120 }, (_, n) => n));
  await trail[Symbol.asyncDispose]();
});

Deno.test("record() of a change fails where the store cannot be written; what lets in goes on, and is written later", async () => {
  await using fixture = new StoreFixture();
  const { failWith, clock, said, trail, told } = await open(fixture);
  failWith(full());
  await rejects(trail.record(entry()), { code: "unavailable" });
  await trail.record(entry({ action: "sign_in" }));
  await trail.record(entry({ action: "data.view", target: { kind: "table", name: "orders" } }));
  await trail.flush();
  deepStrictEqual(await told(), []);
  match(said.join("\n"), /error The audit log cannot be written/);
  failWith(undefined);
  await clock.advance(2_000);
  await trail.flush();
  deepStrictEqual((await told()).map(({ action }) => action), ["sign_in", "data.view"]);
  match(said.join("\n"), /info The audit log is written again/);
  await trail.record(entry());
  strictEqual((await told()).length, 3);
  await trail[Symbol.asyncDispose]();
});

Deno.test("what is held is bounded, and a line says how much was lost", async () => {
  await using fixture = new StoreFixture();
  const { audit, failWith, trail } = await open(fixture);
  failWith(full());
  await Promise.all(Array.from({ length: 5_010 }, () => trail.record(entry({ action: "sign_in" }))));
  failWith(undefined);
  await trail.record(entry());
  const [last, lost, before] = await audit.list({}, { limit: 3 });
  deepStrictEqual([last?.action, lost?.action, before?.action], ["user.create", "audit.drop", "sign_in"]);
  deepStrictEqual(lost?.details, { lines: 10 });
  strictEqual(last?.seq, 5_002);
  await trail[Symbol.asyncDispose]();
});

Deno.test("around() writes down what is about to be done before it is done, and the result with it", async () => {
  await using fixture = new StoreFixture();
  const { audit, failWith, trail, told } = await open(fixture);
  const result = await trail.around(entry(), async () => {
    deepStrictEqual(await told(), []);
    strictEqual((await audit.oldIntents("nobody", Number.MAX_SAFE_INTEGER)).length, 1);
    return 5;
  }, (made) => ({ details: { made } }));
  strictEqual(result, 5);
  deepStrictEqual(await told(), [{ action: "user.create", outcome: "done", details: { made: 5 } }]);
  deepStrictEqual(await audit.oldIntents("nobody", Number.MAX_SAFE_INTEGER), []);

  const fails = (error: Error) => trail.around(entry(), () => Promise.reject(error));
  await rejects(fails(new AppError("forbidden", "secret words")), /secret words/);
  await rejects(fails(new AppError("conflict", "secret words", { reason: "taken" })), /secret words/);
  deepStrictEqual((await told()).slice(1), [
    { action: "user.create", outcome: "refused", details: { error: "forbidden" } },
    { action: "user.create", outcome: "failed", details: { error: "conflict", reason: "taken" } },
  ]);

  failWith(full());
  let isDone = false;
  await rejects(trail.around(entry(), () => Promise.resolve(isDone = true)), { code: "unavailable" });
  strictEqual(isDone, false, "nothing is done that could not be written down");
  await trail[Symbol.asyncDispose]();
});

Deno.test("around() whose line cannot be written any more has been done, and is told of by who settles it", async () => {
  await using fixture = new StoreFixture();
  const { audit, clock, failWith, trail, told } = await open(fixture);
  await trail.around(entry(), () => {
    failWith(full());
    return Promise.resolve();
  });
  await trail[Symbol.asyncDispose]();
  deepStrictEqual(await told(), []);
  const next = createAudit({ store: audit, clock, log: () => {} });
  await next.settle(clock.now() + 1);
  await next.settle(clock.now() + 1);
  deepStrictEqual(await told(), [{
    action: "user.create",
    outcome: "unknown",
    details: { begun_at: "2026-01-01T12:00:00.000Z" },
  }]);
  strictEqual((await verifyChain(audit, undefined)).ok, true);
  await next[Symbol.asyncDispose]();
});

Deno.test("what is asked for again and again has one line at once, and one for the others of the minute", async () => {
  await using fixture = new StoreFixture();
  const { clock, trail, told } = await open(fixture);
  const refused = (address: string) =>
    trail.record({ action: "token.refused", actor: { id: null, name: "unknown", kind: "unknown", address } });
  for (let n = 0; n < 1_000; n++) await refused("203.0.113.1");
  await refused("203.0.113.2");
  await trail.flush();
  deepStrictEqual((await told()).map(({ details }) => details), [null, null]);
  await clock.advance(60_000);
  await trail.flush();
  deepStrictEqual((await told()).map(({ details }) => details), [null, null, { repeated: 999 }]);

  // From everywhere at once.
  for (let n = 0; n < 2_000; n++) await refused(`198.51.${n >> 8}.${n & 255}`);
  await trail[Symbol.asyncDispose]();
  const lines = await told();
  strictEqual(lines.length, 3 + 100 + 1);
  deepStrictEqual(lines.at(-1)?.details, { repeated: 1_900 });
});

Deno.test("nobody swells the log: not from a network's addresses, by names, nor as a user", async () => {
  await using fixture = new StoreFixture();
  const { trail, audit } = await open(fixture);
  const stranger = { id: null, name: "unknown", kind: "unknown" } as const;
  for (let n = 1; n <= 500; n++) {
    const address = `2001:db8::${n.toString(16)}`;
    await trail.record({ action: "token.refused", actor: { ...stranger, address }, outcome: "refused" });
  }
  const named = (
    n: number,
  ) => ({ id: `u${n}`, name: `user${n}`, kind: "person", address: `10.0.${n}.1` } as const);
  for (let n = 1; n <= 300; n++) {
    await trail.record({ action: "sign_in.failed", actor: named(n % 250), outcome: "refused" });
  }
  for (let n = 1; n <= 300; n++) {
    const target = { kind: "connector", name: `c${n}` } as const;
    await trail.record({ action: "access.refused", actor: ANN, target, outcome: "refused" });
  }
  await trail.record({ action: "access.refused", actor: named(7), outcome: "refused" });
  for (let n = 1; n <= 150; n++) {
    const target = { kind: "token", name: `t${n}` } as const;
    await trail.record({ action: "token.issue", actor: ANN, target });
  }
  await trail[Symbol.asyncDispose]();
  const lines = await audit.read(0, 1_000);
  const count = (action: string) => lines.filter((line) => line.action === action).length;
  // Of strangers 100 a minute, the one network's 500 tokens among them, of whom one has a line; then one for the rest each.
  deepStrictEqual([count("token.refused"), count("sign_in.failed"), count("access.refused")], [2, 100, 102]);
  deepStrictEqual(
    lines.filter(({ details }) => details !== null).map(({ action, actor, target, details }) => ({
      action,
      name: actor.name,
      target,
      ...details,
    })),
    [
      { action: "token.refused", name: "unknown", target: null, repeated: 499 },
      { action: "sign_in.failed", name: "many", target: null, repeated: 201 },
      { action: "access.refused", name: "ann", target: null, repeated: 200 },
      { action: "token.issue", name: "ann", target: null, repeated: 50 },
    ],
  );
});

Deno.test("long texts, deep values and numbers that JSON lacks are cut, with their hash", async () => {
  await using fixture = new StoreFixture();
  const { audit, trail } = await open(fixture);
  let deep: Record<string, unknown> & { [key: string]: never } | string = "x";
  for (let n = 0; n < 50; n++) deep = { deep } as never;
  await trail.record(entry({
    actor: { ...ANN, name: "n".repeat(10_000) },
    change: {
      before: { text: "é".repeat(100_000), deep, list: Array.from({ length: 5_000 }, (_, n) => n) },
      after: Array.from({ length: 100 }, () => "y".repeat(900)),
    },
    details: { infinite: Infinity, lone: "\ud800" },
  }));
  const [line] = await audit.read(0, 1);
  strictEqual(JSON.stringify(line).length < 40_000, true);
  match(JSON.stringify(line?.change?.before), /é… \(100000 characters, sha256 [0-9a-f]{64}\)/);
  match(JSON.stringify(line?.change?.before), /… 4900 more/);
  match(JSON.stringify(line?.change?.after), /characters, sha256/);
  deepStrictEqual(line?.details, { infinite: "Infinity", lone: "\ufffd" });
  strictEqual((await verifyChain(audit, undefined)).ok, true);
  await trail[Symbol.asyncDispose]();
});
