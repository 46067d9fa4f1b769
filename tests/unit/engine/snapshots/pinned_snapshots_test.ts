import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import type { SnapshotFile, SnapshotInput } from "../../../../contract/snapshots/source.ts";
import {
  type PinContext,
  pinningRuns,
  pinSnapshots,
  unpinPlain,
  unpinSnapshots,
} from "../../../../engine/snapshots/pinned_snapshots.ts";
import {
  modelSnapshots,
  pipelineSnapshots,
  putSnapshot,
  removeOldSnapshots,
} from "../../../../engine/snapshots/snapshot_files.ts";
import { tempFolder } from "../duckdb/fixtures.ts";

const READ = { pipeline: "shop", model: "daily" };

const contextOf = (dataDir: string, key?: string): PinContext => ({
  dataDir,
  keyOf: () => Promise.resolve(key),
  whyNone: () => Promise.resolve(new AppError("unavailable", "shop has not published it yet")),
});

async function publish(dataDir: string, id: string, content: string, encrypted = false): Promise<void> {
  const staged = join(dataDir, `staged-${crypto.randomUUID()}`);
  await Deno.writeTextFile(staged, content);
  const folder = modelSnapshots(pipelineSnapshots(dataDir, READ.pipeline), READ.model);
  await putSnapshot(folder, staged, {
    id,
    ...READ,
    run: id,
    published_at: "2026-01-01T00:00:00.000Z",
    rows: 1,
    size_bytes: content.length,
    columns: [{ name: "x", type: "INTEGER" }],
    encrypted,
  });
  await removeOldSnapshots(folder, 1);
}

function fileOf(input: SnapshotInput | undefined): SnapshotFile {
  ok(input !== undefined && "columns" in input && input.file !== undefined, JSON.stringify(input));
  return input.file;
}

Deno.test("every attempt of a run reads the snapshot that its first one did, though it was replaced and removed", async () => {
  await using folder = await tempFolder();
  const context = contextOf(folder.path);
  const none = (await pinSnapshots(context, "run0", [READ]))["shop.daily"];
  match(JSON.stringify(none), /shop has not published it yet/);
  await publish(folder.path, "A", "first");
  const first = fileOf((await pinSnapshots(context, "run1", [READ, READ]))["shop.daily"]);
  await publish(folder.path, "B", "second");
  const again = fileOf((await pinSnapshots(context, "run1", [READ]))["shop.daily"]);
  deepEqual([again.id, await Deno.readTextFile(again.path)], ["A", "first"]);
  equal(again.path, first.path);
  equal((await Deno.stat(join(folder.path, "pinned"))).mode! & 0o777, 0o700);
  const other = fileOf((await pinSnapshots(context, "run2", [READ]))["shop.daily"]);
  deepEqual([other.id, await Deno.readTextFile(other.path)], ["B", "second"]);
  deepEqual(await pinningRuns(folder.path), ["run1", "run2"]);
  await unpinSnapshots(folder.path, "run1");
  await unpinSnapshots(folder.path, "run1");
  deepEqual(await pinningRuns(folder.path), ["run2"]);
});

Deno.test("a pin that was cut off before its note is begun anew", async () => {
  await using folder = await tempFolder();
  const context = contextOf(folder.path);
  await publish(folder.path, "A", "first");
  const { path } = fileOf((await pinSnapshots(context, "run1", [READ]))["shop.daily"]);
  await Deno.remove(join(path, "..", "snapshot.json"));
  await publish(folder.path, "B", "second");
  equal(fileOf((await pinSnapshots(context, "run1", [READ]))["shop.daily"]).id, "B");
  await Deno.writeTextFile(join(path, "..", "snapshot.json"), '{"id": "B", "ro');
  equal(fileOf((await pinSnapshots(context, "run1", [READ]))["shop.daily"]).id, "B");
});

Deno.test("readers that pin while others publish and remove each get a whole snapshot", async () => {
  await using folder = await tempFolder();
  const context = contextOf(folder.path);
  await publish(folder.path, "000", "000");
  let isDone = false;
  const publishing = (async () => {
    for (let i = 1; i < 60; i++) {
      await publish(folder.path, String(i).padStart(3, "0"), String(i).padStart(3, "0"));
    }
    isDone = true;
  })();
  const seen = new Set<string>();
  for (let i = 0; !isDone; i++) {
    const file = fileOf((await pinSnapshots(context, `run${i}`, [READ]))["shop.daily"]);
    equal(await Deno.readTextFile(file.path), file.id);
    seen.add(file.id);
  }
  await publishing;
  ok(seen.size > 1, `${seen.size} snapshots were met`);
});

Deno.test("what is encrypted is pinned with its key, and what is plain is let go of where that is asked for", async () => {
  await using folder = await tempFolder();
  await publish(folder.path, "A", "plain");
  equal(
    fileOf((await pinSnapshots(contextOf(folder.path, "key"), "run1", [READ]))["shop.daily"]).key,
    undefined,
  );
  await unpinPlain(folder.path, "other");
  equal(fileOf((await pinSnapshots(contextOf(folder.path), "run1", [READ]))["shop.daily"]).id, "A");
  await publish(folder.path, "B", "sealed", true);
  await unpinPlain(folder.path, "shop");
  const sealed = fileOf((await pinSnapshots(contextOf(folder.path, "key"), "run1", [READ]))["shop.daily"]);
  deepEqual([sealed.id, sealed.key], ["B", "key"]);
  await unpinPlain(folder.path, "shop");
  equal(fileOf((await pinSnapshots(contextOf(folder.path, "key"), "run1", [READ]))["shop.daily"]).id, "B");
  // Its warehouse was decrypted: nothing opens it any more.
  match(
    JSON.stringify((await pinSnapshots(contextOf(folder.path), "run1", [READ]))["shop.daily"]),
    /its key is not here; run shop to publish it again/,
  );
});
