import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { ZipFile } from "yazl";
import { systemClock } from "../../../../contract/clock.ts";
import type { BackupContext } from "../../../../engine/control/backup/backup_context.ts";
import { readBackup } from "../../../../engine/control/backup/read_backup.ts";
import { writeBackup } from "../../../../engine/control/backup/write_backup.ts";
import { MIGRATIONS } from "../../../../engine/store/migrations/list.ts";
import { aesSealer } from "../../../support/aes_sealer.ts";
import { fileStoreUrl, openStore } from "../../../../engine/store/open.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { addPipeline, claim, lease, newRun, outcome } from "../store/store_fixture.ts";

const SCHEMA = MIGRATIONS.at(-1)?.id ?? 0;
const signal = new AbortController().signal;

/** A data folder with a store that knows pipeline `a`, a folder beside it, and what backs it up. */
class Place implements AsyncDisposable {
  readonly #root: string;
  readonly store: Store;

  private constructor(root: string, store: Store) {
    this.#root = root;
    this.store = store;
  }

  static async create(files: Readonly<Record<string, string>>): Promise<Place> {
    const root = await Deno.makeTempDir({ prefix: "sluice backup é " });
    for (const [path, text] of Object.entries({ "data/lock": "", ...files })) {
      await Deno.mkdir(join(root, path, ".."), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    }
    await Deno.mkdir(join(root, "new"));
    const store = await openStore(fileStoreUrl(join(root, "data/sluice.db")), { sealer: aesSealer() });
    await addPipeline(store, "a");
    return new Place(root, store);
  }

  path(name: string): string {
    return join(this.#root, name);
  }

  backup(change: Partial<BackupContext> = {}, name = "backup.zip") {
    return writeBackup(this.path(name), {
      store: this.store,
      dataDir: this.path("data"),
      clock: systemClock,
      version: "1.2.3",
      waitMs: 60_000,
      signal,
      onWait: () => {},
      ...change,
    });
  }

  restore(name = "backup.zip", schema = SCHEMA) {
    return readBackup(this.path(name), { dataDir: this.path("new"), schema, signal });
  }

  names(folder: string): string[] {
    return Array.from(Deno.readDirSync(this.path(folder)), ({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await Deno.remove(this.#root, { recursive: true });
  }
}

Deno.test("what a data folder holds is in its backup, and comes back as it was", async () => {
  await using place = await Place.create({
    "data/warehouse/a.duckdb": "rows",
    "data/warehouse/a.duckdb.wal": "more",
    "data/tokens/crm": "token",
    "data/previews/a/orders é.json": "[]",
    "data/previews/a/half.json.7.tmp": "[",
    "data/snapshots/a/daily/1.parquet": "published",
    "data/pinned/r/a.daily/1.parquet": "published",
    "data/server.json": "{}",
    "data/format.json": '{"format":1}',
    "data/tmp/spill": "spilled",
  });
  await place.store.runs.create(newRun("r"));
  const manifest = await place.backup();
  assert.deepEqual([manifest.schema, manifest.sluice], [SCHEMA, "1.2.3"]);
  assert.deepEqual(manifest.files.map(({ path }) => path).sort(), [
    "format.json",
    "previews/a/orders é.json",
    "sluice.db",
    "snapshots/a/daily/1.parquet",
    "tokens/crm",
    "warehouse/a.duckdb",
    "warehouse/a.duckdb.wal",
  ]);
  const sha256 = createHash("sha256").update("rows").digest("hex");
  assert.deepEqual(
    manifest.files.find(({ path }) => path === "warehouse/a.duckdb"),
    { path: "warehouse/a.duckdb", bytes: 4, sha256 },
  );
  assert.equal((Deno.statSync(place.path("backup.zip")).mode ?? 0) & 0o777, 0o600);

  assert.deepEqual(await place.restore(), manifest);
  assert.deepEqual(place.names("new"), [
    "format.json",
    "previews",
    "sluice.db",
    "snapshots",
    "tokens",
    "warehouse",
  ]);
  assert.equal(Deno.readTextFileSync(place.path("new/previews/a/orders é.json")), "[]");
  assert.equal(Deno.readTextFileSync(place.path("new/warehouse/a.duckdb.wal")), "more");
  await using restored = await openStore(fileStoreUrl(place.path("new/sluice.db")));
  assert.equal((await restored.runs.get("r"))?.state, "queued");

  const without = await place.backup({ leavesSnapshotsOut: true }, "without.zip");
  assert.deepEqual(
    without.files.map(({ path }) => path).sort(),
    manifest.files.map(({ path }) => path).filter((path) => !path.startsWith("snapshots/")).sort(),
  );
  await assert.rejects(place.backup(), { code: "conflict", message: /there is a file already/ });
  assert.deepEqual(place.names("."), ["backup.zip", "data", "new", "without.zip"]);
});

Deno.test("a warehouse is copied between two runs, and no run begins meanwhile", async () => {
  await using place = await Place.create({ "data/warehouse/a.duckdb": "before" });
  const { store } = place;
  await store.runs.create(newRun("first"));
  await store.runs.create(newRun("second"));
  await claim(store, "server", Date.now());
  const waiting = Promise.withResolvers<string>();
  const backup = place.backup({ onWait: waiting.resolve });
  assert.equal(await waiting.promise, "a");
  await Deno.writeTextFile(place.path("data/warehouse/a.duckdb"), "after");
  await store.attempts.finish(lease("first", 1, "server"), "succeed", outcome({ atMs: Date.now() }));
  assert.equal(await claim(store, "server", Date.now()), undefined, "held while the backup is under way");
  await backup;
  assert.equal((await claim(store, "server", Date.now()))?.id, "second");
  await place.restore();
  assert.equal(Deno.readTextFileSync(place.path("new/warehouse/a.duckdb")), "after");
});

Deno.test("a backup that cannot be leaves no file, and lets the pipelines go", async () => {
  await using place = await Place.create({ "data/warehouse/a.duckdb": "rows" });
  const { store } = place;
  await store.runs.create(newRun("endless"));
  await claim(store, "server", Date.now());
  await assert.rejects(place.backup({ waitMs: 0 }), {
    code: "unavailable",
    message: /a run of it has not ended/,
  });
  assert.equal(await store.holds.isAnyHeld(Date.now()), false);
  assert.deepEqual(place.names("."), ["data", "new"]);
  await assert.rejects(place.backup({}, "nowhere/backup.zip"), { code: "invalid" });
});

Deno.test("an encrypted warehouse is backed up with the store that has its key, and with no other", async () => {
  const head = `${"\0".repeat(8)}DUCK${"\0".repeat(8)}\x01${"\0".repeat(60)}`;
  await using place = await Place.create({
    "data/warehouse/a.duckdb": head,
    "data/warehouse/b.duckdb": "plain",
  });
  await assert.rejects(place.backup(), { code: "unavailable", message: /of a: it was encrypted after/ });
  assert.deepEqual(place.names("."), ["data", "new"]);
  await place.store.warehouseKeys.put("a", "sealed", 0);
  assert.deepEqual((await place.backup()).encrypted_warehouses, ["a"]);
  await place.restore();
  await using restored = await openStore(fileStoreUrl(place.path("new/sluice.db")));
  assert.equal(await restored.warehouseKeys.get("a"), "sealed");
});

Deno.test("a hold is one holder's, until it ends by itself", async () => {
  await using place = await Place.create({});
  const { holds } = place.store;
  assert.equal(await holds.hold("a", "one", 1_000, 5_000), true);
  assert.equal(await holds.hold("a", "two", 4_999, 9_000), false);
  assert.equal(await holds.hold("a", "one", 4_999, 6_000), true);
  await holds.release("two");
  assert.equal(await holds.isAnyHeld(5_999), true);
  assert.equal(await holds.isAnyHeld(6_000), false);
  assert.equal(await holds.hold("a", "two", 6_000, 9_000), true);
});

Deno.test("a backup that is damaged, strange or newer is refused, and leaves the folder empty", async () => {
  await using place = await Place.create({ "backup.txt": "no archive" });
  const file = (path: string, text: string) => ({
    path,
    bytes: text.length,
    sha256: createHash("sha256").update(text).digest("hex"),
  });
  const store = file("sluice.db", "store");
  const manifest = { format: 1, sluice: "9.9.9", created_at: "2026-11-27T00:00:00.000Z", schema: SCHEMA };
  const parts = { "sluice.db": "store", "tokens/crm": "token" };
  const tokens = file("tokens/crm", "token");
  const cases: [string, unknown, object][] = [
    ["hash", { ...manifest, files: [store, { ...tokens, sha256: "0".repeat(64) }] }, {
      code: "invalid",
      message: /tokens\/crm is not what was backed up/,
    }],
    ["longer", { ...manifest, files: [store, { ...tokens, bytes: 4 }] }, { code: "invalid" }],
    ["missing", { ...manifest, files: [store, file("previews/x", "x")] }, {
      message: /previews\/x is missing/,
    }],
    ["outside", { ...manifest, files: [store, file("../sluice.db", "store")] }, { code: "invalid" }],
    ["no store", { ...manifest, files: [tokens] }, { message: /not one of sluice/ }],
    ["newer", { ...manifest, schema: SCHEMA + 1, files: [store] }, { code: "conflict", message: /9\.9\.9/ }],
    ["later format", { ...manifest, format: 2, files: [store] }, { code: "conflict" }],
  ];
  for (const [name, content, error] of cases) {
    await zip(place.path(name), { ...parts, "manifest.json": JSON.stringify(content) });
    await assert.rejects(place.restore(name), error, name);
    assert.deepEqual(place.names("new"), [], name);
  }
  await zip(place.path("none"), parts);
  await assert.rejects(place.restore("none"), { message: /it has no manifest\.json/ });
  await assert.rejects(place.restore("backup.txt"), {
    code: "invalid",
    message: /cannot be read as a backup/,
  });
});

async function zip(path: string, parts: Readonly<Record<string, string>>): Promise<void> {
  const archive = new ZipFile();
  for (const [name, text] of Object.entries(parts)) archive.addBuffer(Buffer.from(text), name);
  archive.end();
  const chunks: Buffer[] = [];
  for await (const chunk of archive.outputStream) chunks.push(Buffer.from(chunk));
  await Deno.writeFile(path, Buffer.concat(chunks));
}
