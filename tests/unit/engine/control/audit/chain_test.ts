import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { createClient } from "@libsql/client/sqlite3";
import type { AuditEntry } from "../../../../../contract/audit/entry.ts";
import { FIRST_PREVIOUS, hashOf } from "../../../../../contract/audit/line.ts";
import { verifyChain } from "../../../../../engine/control/audit/verify_chain.ts";
import type { AuditStore, NewAuditLine } from "../../../../../engine/store/audit/port.ts";
import { StoreFixture } from "../../store/store_fixture.ts";

const NOON = Date.parse("2026-01-01T12:00:00Z");
const DAY_MS = 86_400_000;

function entry(change: Partial<AuditEntry> = {}): AuditEntry {
  return {
    action: "user.create",
    actor: { id: "u1", name: "ann", kind: "person", address: "127.0.0.1" },
    target: { kind: "user", name: "ben" },
    change: { before: null, after: { name: "ben", display_name: "B ✓ \u{1f600}", groups: [], n: 1.5e300 } },
    details: { via: "api", b: [1, null, { z: true, a: "x" }] },
    ...change,
  };
}

const lines = (count: number, change: Partial<NewAuditLine> = {}): NewAuditLine[] =>
  Array.from({ length: count }, (_, index) => ({ entry: entry(), atMs: NOON + index, ...change }));

const verify = (store: AuditStore, expected?: string) => verifyChain(store, expected);

/** Without the triggers, as whoever has the file can. */
async function tamper(fixture: StoreFixture, ...statements: string[]): Promise<void> {
  const client = createClient({ url: fixture.url });
  try {
    await client.executeMultiple(
      ["audit_log_update", "audit_log_delete", "audit_log_append", "audit_anchor_update"]
        .map((name) => `drop trigger if exists ${name};`).join(""),
    );
    for (const statement of statements) await client.executeMultiple(statement);
  } finally {
    client.close();
  }
}

Deno.test("append() links each line to the one before it, and the lines read back have their hashes", async () => {
  await using fixture = new StoreFixture();
  const { audit } = await fixture.open();
  const written = [...await audit.append(lines(2)), ...await audit.append(lines(1))];
  deepStrictEqual(written.map(({ seq }) => seq), [1, 2, 3]);
  strictEqual(written[0]?.previous, FIRST_PREVIOUS);
  strictEqual(written[1]?.previous, written[0]?.hash);
  const read = await audit.read(0, 10);
  deepStrictEqual(read, written);
  for (const line of read) strictEqual(hashOf(line), line.hash);
  const { ok: isOk, lines: count, last_hash: last } = await verify(audit);
  deepStrictEqual([isOk, count, last], [true, 3, written[2]?.hash]);
});

Deno.test("append() keeps one chain where two servers write one store at the same time", async () => {
  await using fixture = new StoreFixture();
  const stores = [await fixture.open(), await fixture.open()];
  await Promise.all(
    stores.flatMap(({ audit }) => Array.from({ length: 20 }, () => audit.append(lines(3)))),
  );
  const { ok: isOk, lines: count } = await verify(stores[0]!.audit);
  deepStrictEqual([isOk, count], [true, 120]);
});

Deno.test("append() tells of one origin once, also where two servers do at the same time", async () => {
  await using fixture = new StoreFixture();
  const stores = [await fixture.open(), await fixture.open()];
  const told = ["a", "b", "a"].map((origin) => ({ entry: entry(), atMs: NOON, origin }));
  await Promise.all(stores.flatMap(({ audit }) => [audit.append(told), audit.append(told)]));
  strictEqual((await verify(stores[0]!.audit)).lines, 2);
  deepStrictEqual(await stores[1]!.audit.append(told), []);
});

Deno.test("the store itself refuses to change a line, to remove one or to put one in between", async () => {
  await using fixture = new StoreFixture();
  const { audit } = await fixture.open();
  await audit.append(lines(3));
  const client = createClient({ url: fixture.url });
  const copy = (seq: string) =>
    `insert into audit_log select ${seq}, at, action, actor, actor_name, actor_kind, address, token, session,
      target_kind, target_name, pipeline, outcome, change, details, previous, hash, null from audit_log where seq = 3`;
  try {
    for (
      const statement of [
        "update audit_log set actor_name = 'eve' where seq = 2",
        "delete from audit_log where seq = 3",
        "delete from audit_log",
        "delete from audit_anchor",
        "update audit_anchor set seq = 2, hash = 'x'",
        copy("4"),
        copy("9"),
        copy("0"),
      ]
    ) await rejects(client.execute(statement), /audit log/);
  } finally {
    client.close();
  }
  strictEqual((await verify(audit)).lines, 3);
});

Deno.test("verifyChain() says which line was changed, is missing, was swapped or put in", async () => {
  const cases: readonly (readonly [statements: string[], seq: number, message: RegExp])[] = [
    [["update audit_log set actor_name = 'eve' where seq = 3"], 3, /Line 3 was changed/],
    [["update audit_log set at = at + 1 where seq = 4"], 4, /Line 4 was changed/],
    [["update audit_log set details = '{nonsense' where seq = 2"], 2, /Line 2 was changed/],
    [["update audit_log set change = null where seq = 2"], 2, /Line 2 was changed/],
    [["delete from audit_log where seq = 2"], 2, /Line 2 is missing/],
    [["delete from audit_log where seq < 4"], 1, /Lines 1 to 3 are missing/],
    [
      [
        "update audit_log set seq = 90 where seq = 2",
        "update audit_log set seq = 2 where seq = 3",
        "update audit_log set seq = 3 where seq = 90",
      ],
      2,
      /Line 2 was changed/,
    ],
    [
      ["update audit_anchor set seq = 2, hash = (select hash from audit_log where seq = 2)"],
      2,
      /no line says/,
    ],
    [
      ["delete from audit_log where seq = 3", "update audit_log set seq = seq - 1 where seq > 3"],
      3,
      /Line 3 was changed/,
    ],
  ];
  for (const [statements, seq, message] of cases) {
    await using fixture = new StoreFixture();
    const { audit } = await fixture.open();
    await audit.append(lines(5));
    await tamper(fixture, ...statements);
    const { ok: isOk, fault } = await verify(audit);
    strictEqual(isOk, false, statements.join());
    strictEqual(fault?.seq, seq, statements.join());
    match(fault?.message ?? "", message);
  }
});

Deno.test("verifyChain() finds an end that was cut off by a hash that was kept, or by what was sent elsewhere", async () => {
  await using fixture = new StoreFixture();
  const { audit } = await fixture.open();
  const [, second, third] = await audit.append(lines(3));
  ok((await verify(audit, second?.hash)).ok);
  await tamper(fixture, "delete from audit_log where seq = 3");
  ok((await verify(audit)).ok, "what is left is a chain");
  match((await verify(audit, third?.hash)).fault?.message ?? "", /cut off/);
  // It goes on from what is left.
  await audit.append(lines(1));
  match((await verify(audit, third?.hash)).fault?.message ?? "", /cut off/);
  ok((await verify(audit, second?.hash)).ok);

  await audit.cursor("syslog");
  await audit.append(lines(2));
  await audit.advance("syslog", 5);
  await tamper(fixture, "delete from audit_log where seq > 3");
  match((await verify(audit)).fault?.message ?? "", /line 5 was there/);
});

Deno.test("prune() lets go of what is old, says so in a line, and the rest is still a chain", async () => {
  await using fixture = new StoreFixture();
  const { audit } = await fixture.open();
  const written = await audit.append([...lines(5), ...lines(2, { atMs: NOON + 9 * DAY_MS })]);
  const prune = (beforeMs: number) =>
    audit.prune(beforeMs, ({ count, upTo }) => ({
      entry: entry({ action: "audit.prune", details: { count, up_to: upTo.seq, hash: upTo.hash } }),
      atMs: NOON + 10 * DAY_MS,
    }));
  strictEqual(await prune(NOON - 1), 0);
  strictEqual(await prune(NOON + DAY_MS), 5);
  strictEqual(await prune(NOON + DAY_MS), 0, "a second time there is nothing to do");
  deepStrictEqual((await audit.read(0, 100)).map(({ seq }) => seq), [6, 7, 8]);
  deepStrictEqual((await audit.list({}, { limit: 100 })).map(({ seq }) => seq), [8, 7, 6]);
  strictEqual(await audit.removePruned(3), 3);
  strictEqual(await audit.removePruned(3), 2);
  strictEqual(await audit.removePruned(3), 0);
  const after = await verify(audit, written[4]?.hash);
  deepStrictEqual([after.ok, after.lines, after.first_seq], [true, 3, 6]);
  // The last line stays, however old it is, and so does what a reader waits for.
  strictEqual(await prune(NOON + 99 * DAY_MS), 2);
  ok((await verify(audit)).ok);
  await audit.cursor("syslog");
  await audit.append(lines(3));
  strictEqual(await prune(NOON + 99 * DAY_MS), 2, "up to the reader, whose place is line 9");
  ok((await verify(audit)).ok);
});

Deno.test("list() finds lines by action, actor, target, pipeline, outcome, time and text", async () => {
  await using fixture = new StoreFixture();
  const { audit } = await fixture.open();
  await audit.append([
    { entry: entry(), atMs: NOON },
    {
      entry: entry({ action: "run.start", pipeline: "orders", target: { kind: "run", name: "r1" } }),
      atMs: NOON + 10,
    },
    { entry: entry({ action: "run.end", pipeline: "orders", outcome: "failed" }), atMs: NOON + 20 },
    {
      entry: entry({ actor: { id: null, name: "Ève%", kind: "unknown" }, outcome: "refused" }),
      atMs: NOON + 30,
    },
  ]);
  const found = async (filter: Parameters<AuditStore["list"]>[0]) =>
    (await audit.list(filter, { limit: 10 })).map(({ seq }) => seq);
  deepStrictEqual(await found({ action: "run.start" }), [2]);
  deepStrictEqual(await found({ action: "run.*" }), [3, 2]);
  deepStrictEqual(await found({ action: "run*" }), [3, 2]);
  deepStrictEqual(await found({ action: "r_n.*" }), []);
  deepStrictEqual(await found({ actor: "ANN" }), [3, 2, 1]);
  deepStrictEqual(await found({ actor: "u1" }), [3, 2, 1]);
  deepStrictEqual(await found({ target: "r1" }), [2]);
  deepStrictEqual(await found({ target: "run:r1" }), [2]);
  deepStrictEqual(await found({ target: "user:r1" }), []);
  deepStrictEqual(await found({ pipeline: "orders" }), [3, 2]);
  deepStrictEqual(await found({ outcome: "refused" }), [4]);
  deepStrictEqual(await found({ sinceMs: NOON + 10, untilMs: NOON + 30 }), [3, 2]);
  deepStrictEqual(await found({ text: "ève%" }), [], "only ASCII letters are compared without case");
  deepStrictEqual(await found({ text: "e%" }), [4]);
  deepStrictEqual(await found({ text: "DISPLAY_NAME" }), [4, 3, 2, 1]);
  deepStrictEqual((await audit.list({}, { limit: 2, beforeSeq: 4 })).map(({ seq }) => seq), [3, 2]);
});
