import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { forgetSnapshots } from "../../../../../engine/runs/snapshots/forget_snapshots.ts";
import { snapshotsUsage } from "../../../../../engine/snapshots/snapshot_folders.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { tempFolder } from "../../duckdb/fixtures.ts";
import {
  addPipeline,
  claim,
  lease,
  newRun,
  outcome,
  revision,
  StoreFixture,
} from "../../store/store_fixture.ts";

const NOW = Date.parse("2026-06-01T00:00:00Z");
const DAY_MS = 86_400_000;

async function put(path: string): Promise<void> {
  await Deno.mkdir(join(path, ".."), { recursive: true });
  await Deno.writeTextFile(path, "x");
}

Deno.test("what is published no more, or by nobody, goes after 7 days, and what is published again stays", async () => {
  await using fixture = new StoreFixture();
  await using folder = await tempFolder();
  const store = await fixture.open();
  await addPipeline(store, "shop");
  const clock = new FakeClock(NOW);
  const context = { store, clock, dataDir: folder.path };
  const publish = async (...models: string[]) => {
    const { definition } = revision();
    const next = revision({
      id: `r${models.join("")}`,
      pipeline: "shop",
      definition: { ...definition, publish: models },
    });
    await store.revisions.save(next, []);
    await store.pipelines.put({ name: "shop", origin: "files", revision: next.id, faults: [] });
  };
  const there = async () =>
    (await Promise.all(["shop/daily", "shop/old", "gone/daily"].map(async (path) => {
      const isThere = await Deno.stat(join(folder.path, "snapshots", path)).then(() => true, () => false);
      return isThere ? [path] : [];
    }))).flat();
  for (const path of ["shop/daily", "shop/old", "gone/daily"]) {
    await put(join(folder.path, "snapshots", path, "1.parquet"));
    await put(join(folder.path, "snapshots", path, "1.json"));
  }
  await publish("daily");
  equal(await forgetSnapshots(context), 0);
  deepEqual(await there(), ["shop/daily", "shop/old", "gone/daily"]);
  equal((await snapshotsUsage(folder.path)).unwanted, 2);
  await clock.advance(6 * DAY_MS);
  equal(await forgetSnapshots(context), 0);
  await publish("daily", "old");
  equal(await forgetSnapshots(context), 0);
  await publish("daily");
  await clock.advance(DAY_MS);
  equal(await forgetSnapshots(context), 1);
  deepEqual(await there(), ["shop/daily", "shop/old"]);
  // The days count from when it was taken out for the second time.
  await clock.advance(6 * DAY_MS);
  equal(await forgetSnapshots(context), 0);
  await clock.advance(DAY_MS);
  equal(await forgetSnapshots(context), 1);
  deepEqual(await there(), ["shop/daily"]);
  deepEqual(await Array.fromAsync(Deno.readDir(join(folder.path, "snapshots")), ({ name }) => name), [
    "shop",
  ]);
});

Deno.test("runs let go of what they have pinned: at once when they are gone or done, else a week behind their end", async () => {
  await using fixture = new StoreFixture();
  await using folder = await tempFolder();
  const store = await fixture.open();
  await addPipeline(store, "a");
  const clock = new FakeClock(NOW);
  const context = { store, clock, dataDir: folder.path };
  const pins = async () =>
    (await Array.fromAsync(Deno.readDir(join(folder.path, "pinned")), ({ name }) => name)).sort();
  for (const id of ["done", "failed", "going", "unknown"]) {
    await put(join(folder.path, "pinned", id, "shop.daily", "1.parquet"));
  }
  for (const [id, state] of [["done", "succeed"], ["failed", "fail"]] as const) {
    await store.runs.create(newRun(id));
    await claim(store, "me", 2_000);
    await store.attempts.finish(lease(id), state, outcome({ atMs: NOW }));
  }
  await store.runs.create(newRun("going"));
  equal(await forgetSnapshots(context), 2);
  deepEqual(await pins(), ["failed", "going"]);
  await clock.advance(7 * DAY_MS);
  equal(await forgetSnapshots(context), 1);
  deepEqual(await pins(), ["going"]);
});
