import { deepEqual, equal, notEqual, ok, rejects } from "node:assert/strict";
import { createClient } from "@libsql/client/sqlite3";
import { AppError, type ErrorCode } from "../../../../contract/errors.ts";
import type { Sealer } from "../../../../contract/keys/sealer.ts";
import { migrate } from "../../../../engine/store/migrate.ts";
import { MIGRATIONS } from "../../../../engine/store/migrations/list.ts";
import { fileStoreUrl, openStore } from "../../../../engine/store/open.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { aesSealer } from "../../../support/aes_sealer.ts";
import { bytesOf } from "../../../support/store_bytes.ts";
import { revision, StoreFixture } from "./store_fixture.ts";

/** What connectors and notifiers say lies sealed in the store: a password that is written out in them is not in its file. */

const PASSWORD = "kümmel-canary-4711";
const SHOP = { type: "postgres", host: "db", password: PASSWORD, max_connections: 3 } as const;
const CHAT = {
  type: "webhook",
  url: `https://chat.example.com/${PASSWORD}`,
  group: "5s",
  description: "us",
} as const;

const failsWith = (code: ErrorCode, ...words: string[]) => (error: unknown) => {
  ok(error instanceof AppError);
  equal(error.code, code, error.message);
  for (const word of words) ok(error.message.includes(word), error.message);
  return true;
};

const holdsPassword = async (fixture: StoreFixture): Promise<boolean> =>
  (await bytesOf(fixture.path)).includes(PASSWORD);

async function fill(store: Store): Promise<void> {
  await store.pipelines.putConnectors({ shop: SHOP, lake: { type: "file" } });
  await store.alerts.putNotifiers({ chat: CHAT }, new Set());
  await store.revisions.save(revision({ id: "r1", connectors: { shop: SHOP } }), []);
}

async function requireFilled(store: Store): Promise<void> {
  deepEqual(await store.pipelines.connectors(), { shop: SHOP, lake: { type: "file" } });
  deepEqual(await store.alerts.notifier("chat"), CHAT);
  deepEqual(await store.revisions.connectors("r1"), { shop: SHOP });
}

Deno.test("what connectors and notifiers say is not in the store's file, and is read again", async () => {
  await using fixture = new StoreFixture();
  await fill(await fixture.open());
  await requireFilled(await fixture.open());
  equal(await holdsPassword(fixture), false);
  await using copy = new StoreFixture();
  await (await fixture.open()).copyTo(copy.path);
  equal(await holdsPassword(copy), false);
});

Deno.test("lists and definitions are read without a key, and connectors are not", async () => {
  await using fixture = new StoreFixture();
  await fill(await fixture.open());
  await using store = await openStore(fixture.url);
  await store.pipelines.put({ name: "a", origin: "files", revision: "r1", faults: [] });
  const heads = { shop: { type: "postgres", max_connections: 3 } };
  deepEqual((await store.revisions.get("r1"))?.revision.connectors, heads);
  deepEqual((await store.revisions.headsInForce()).get("a")?.connectors, heads);
  deepEqual(await store.alerts.notifiers(), { chat: { type: "webhook", group: "5s", description: "us" } });
  const closed = failsWith("internal", "without its keys");
  await rejects(store.revisions.connectors("r1"), closed);
  await rejects(store.pipelines.connectors(), closed);
  await rejects(store.alerts.notifier("chat"), closed);
  await rejects(store.pipelines.putConnectors({ shop: SHOP }), closed);
  await rejects(store.revisions.save(revision({ id: "r2", connectors: { shop: SHOP } }), []), closed);
  // Nothing is sealed of a revision without connectors.
  await store.revisions.save(revision({ id: "r3" }), []);
  deepEqual(await store.revisions.connectors("r3"), {});
  await rejects(store.revisions.connectors("r4"), failsWith("not_found", "r4"));
});

Deno.test("a sealed entry that was put in another's place does not open", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await fill(store);
  await store.revisions.save(revision({ id: "r2", connectors: { shop: { type: "sqlite" } } }), []);
  await change(
    fixture,
    "update revisions set sealed_connectors = (select sealed_connectors from revisions where id = 'r1')",
  );
  deepEqual(await store.revisions.connectors("r1"), { shop: SHOP });
  await rejects(store.revisions.connectors("r2"), failsWith("invalid"));
});

Deno.test("save() seals the connectors of a known revision again where they do not open, and leaves them otherwise", async () => {
  await using fixture = new StoreFixture();
  await fill(await fixture.open());
  const sealed = async () =>
    (await change(fixture, "select sealed_connectors from revisions")).rows[0]?.["sealed_connectors"];
  const before = await sealed();
  const saved = revision({ id: "r1", connectors: { shop: SHOP } });
  await (await fixture.open()).revisions.save(saved, []);
  equal(await sealed(), before);
  const other = await fixture.open({ sealer: aesSealer() });
  await rejects(other.revisions.connectors("r1"), failsWith("invalid", "another key"));
  await other.revisions.save(saved, []);
  notEqual(await sealed(), before);
  deepEqual(await other.revisions.connectors("r1"), { shop: SHOP });
});

/** Enough for several batches. */
const REVISIONS = 250;

/** A store as the version before sealed entries left it: with rows, and with what was rows once. */
async function fillOlder(fixture: StoreFixture): Promise<void> {
  const client = createClient({ url: fixture.url, concurrency: 1 });
  await client.execute("pragma journal_mode = wal");
  await migrate(client, MIGRATIONS.slice(0, 20));
  const add = (table: string, values: readonly string[]) => ({
    sql: `insert into ${table} values (${values.map(() => "?").join(", ")})`,
    args: [...values],
  });
  const definition = JSON.stringify(revision().definition);
  const revisionOf = (id: string) => ({
    sql: "insert into revisions (id, pipeline, definition, connectors) values (?, 'a', ?, ?)",
    args: [id, definition, id === "bare" ? "{}" : JSON.stringify({ shop: SHOP })],
  });
  await client.batch([
    ...Array.from({ length: 50 }, (_, at) => add("connectors", [`old${at}`, JSON.stringify(SHOP)])),
    "delete from connectors",
    add("connectors", ["shop", JSON.stringify(SHOP)]),
    add("connectors", ["lake", '{"type":"file"}']),
    add("notifiers", ["chat", JSON.stringify(CHAT)]),
    revisionOf("bare"),
    ...Array.from({ length: REVISIONS }, (_, at) => revisionOf(`r${at + 1}`)),
  ], "write");
  client.close();
}

async function change(fixture: StoreFixture, sql: string) {
  const client = createClient({ url: fixture.url, concurrency: 1 });
  try {
    return await client.execute(sql);
  } finally {
    client.close();
  }
}

Deno.test("what an older version left in plain is read, sealed, and gone from the file", async () => {
  await using fixture = new StoreFixture();
  await fillOlder(fixture);
  equal(await holdsPassword(fixture), true);
  const store = await fixture.open();
  await requireFilled(store);
  deepEqual((await store.revisions.head("r1"))?.connectors, {
    shop: { type: "postgres", max_connections: 3 },
  });
  equal(await store.plainEntries.seal(), 3 + REVISIONS);
  equal(await holdsPassword(fixture), false);
  await requireFilled(store);
  deepEqual(await store.revisions.connectors(`r${REVISIONS}`), { shop: SHOP });
  deepEqual(await store.revisions.connectors("bare"), {});
  equal(await store.plainEntries.seal(), 0);
});

/** Dies when it has sealed so many texts. */
function mortal(sealer: Sealer, texts: number): Sealer {
  let left = texts;
  return {
    ...sealer,
    seal: (...text) => left-- > 0 ? sealer.seal(...text) : Promise.reject(new Error("dead")),
  };
}

Deno.test("whoever dies while it seals what was plain has lost nothing, and the next start does the rest", async () => {
  await using fixture = new StoreFixture();
  await fillOlder(fixture);
  for (const texts of [0, 1, 2, 3, 103]) {
    const dying = await fixture.open({ sealer: mortal(fixture.sealer, texts) });
    await rejects(dying.plainEntries.seal(), /dead/);
    await requireFilled(await fixture.open());
  }
  const left = Number(
    (await change(fixture, "select count(*) as n from revisions where sealed_connectors is null")).rows[0]
      ?.["n"],
  );
  ok(left < REVISIONS && left > 1, `${left} are left`);
  const store = await fixture.open();
  equal(await store.plainEntries.seal(), left - 1);
  equal(await holdsPassword(fixture), false);
  await requireFilled(store);
});

Deno.test("a file that cannot be written anew says so, and is at the next start", async () => {
  await using fixture = new StoreFixture();
  await fillOlder(fixture);
  const store = await fixture.open({ busyTimeoutMs: 50 });
  const reader = createClient({ url: fixture.url, concurrency: 1 });
  const reading = await reader.transaction("deferred");
  await reading.execute("select count(*) from revisions");
  await rejects(store.plainEntries.seal(), failsWith("unavailable", "another process"));
  await requireFilled(store);
  reading.close();
  reader.close();
  equal(await store.plainEntries.seal(), 0);
  equal(await holdsPassword(fixture), false);
});

Deno.test("entries that an older server wrote after all are sealed at the next start", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await fill(store);
  equal(await store.plainEntries.seal(), 0);
  await change(
    fixture,
    `insert into connectors (name, definition) values ('late', '{"type":"file","key":"${PASSWORD}"}')`,
  );
  equal(await store.plainEntries.seal(), 1);
  equal(await holdsPassword(fixture), false);
  deepEqual((await store.pipelines.connectors())["late"], { type: "file", key: PASSWORD });
});

Deno.test("a copy opens with the same key alone", async () => {
  await using fixture = new StoreFixture();
  await fill(await fixture.open());
  await using copy = new StoreFixture();
  await (await fixture.open()).copyTo(copy.path);
  await using same = await openStore(fileStoreUrl(copy.path), { sealer: fixture.sealer });
  await requireFilled(same);
  await rejects((await copy.open()).pipelines.connectors(), failsWith("invalid", "another key"));
});
