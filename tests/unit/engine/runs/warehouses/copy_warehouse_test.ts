import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../../../../../contract/clock.ts";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import {
  clearCopies,
  copiesFolder,
  openScratchFolder,
} from "../../../../../engine/runs/warehouses/copies_folder.ts";
import { copyWarehouse } from "../../../../../engine/runs/warehouses/copy_warehouse.ts";
import { warehousePath } from "../../../../../engine/runs/warehouses/warehouse_file.ts";
import { NO_WAREHOUSE_KEYS } from "../../../../../engine/runs/warehouses/warehouse_keys.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { claim, newRun, StoreFixture } from "../../store/store_fixture.ts";

const { signal } = new AbortController();

/** A data folder of a pipeline `a` with a store, and a copy of its warehouse. */
class Place implements AsyncDisposable {
  readonly dataDir = Deno.makeTempDirSync({ prefix: "sluice copy é " });
  readonly #fixture: StoreFixture;
  readonly store: Store;

  private constructor(fixture: StoreFixture, store: Store) {
    this.#fixture = fixture;
    this.store = store;
  }

  static async create(): Promise<Place> {
    const fixture = new StoreFixture();
    const place = new Place(fixture, await fixture.openWithPipelines());
    await Deno.mkdir(join(place.dataDir, "warehouse"));
    return place;
  }

  get path(): string {
    return warehousePath(this.dataDir, "a");
  }

  copy(folder: string, waitMs = 5_000, onWait = (_pipeline: string) => {}) {
    const { dataDir, store } = this;
    const context = { dataDir, store, clock: systemClock, warehouseKeys: NO_WAREHOUSE_KEYS };
    return copyWarehouse(context, { pipeline: "a", folder, purpose: "compare a", waitMs, onWait }, signal);
  }

  copies(): string[] {
    return Array.from(Deno.readDirSync(copiesFolder(this.dataDir)), ({ name }) => name).filter((name) =>
      name !== "lock"
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fixture[Symbol.asyncDispose]();
    await Deno.remove(this.dataDir, { recursive: true });
  }
}

async function countIn(path: string): Promise<number> {
  await using database = await openDatabase({ path, allowedDirectories: [] });
  await using session = await database.session();
  const [row] = await session.rows("SELECT count(*)::INTEGER AS n FROM orders");
  return Number(row?.["n"]);
}

Deno.test("copyWarehouse() takes along what is only in the log, for this user alone, and changes nothing of the file", async () => {
  await using place = await Place.create();
  await using scratch = await openScratchFolder(place.dataDir);
  {
    await using database = await openDatabase({ path: place.path, allowedDirectories: [] });
    await using session = await database.session();
    await session.run("CREATE TABLE orders AS SELECT range AS id FROM range(1000); CHECKPOINT");
    await session.run("INSERT INTO orders VALUES (-1)");
    ok((await Deno.stat(`${place.path}.wal`)).size > 0, "the last row is in the log only");
    const before = await Deno.readFile(place.path);
    const copy = await place.copy(scratch.path);
    equal(copy?.path, join(scratch.path, "a.duckdb"));
    equal(((await Deno.stat(copy?.path ?? "")).mode ?? 0) & 0o777, 0o600);
    deepEqual(await Deno.readFile(place.path), before);
    equal(await countIn(copy?.path ?? ""), 1001);
  }
  equal(await place.store.holds.isAnyHeld(Date.now()), false, "runs may begin again");
});

Deno.test("copyWarehouse() waits for the run that is under way, and for no longer than it may", async () => {
  await using place = await Place.create();
  await using scratch = await openScratchFolder(place.dataDir);
  equal(await place.copy(scratch.path), undefined, "there is no warehouse yet");
  await using database = await openDatabase({ path: place.path, allowedDirectories: [] });
  await database[Symbol.asyncDispose]();
  await place.store.runs.create(newRun("r"));
  equal((await claim(place.store, "me", Date.now()))?.id, "r");
  await rejects(place.copy(scratch.path, 300), {
    code: "unavailable",
    message: /^Cannot compare a: a run of it has not ended/,
  });
  deepEqual(Array.from(Deno.readDirSync(scratch.path), ({ name }) => name), ["owner"]);
});

Deno.test("a folder for copies goes with its process, and one whose process was killed with the next", async () => {
  await using place = await Place.create();
  equal(await clearCopies(place.dataDir), 0);
  const script = `
    import { openScratchFolder } from ${
    JSON.stringify(import.meta.resolve("../../../../../engine/runs/warehouses/copies_folder.ts"))
  };
    const scratch = await openScratchFolder(Deno.args[0]);
    await Deno.writeTextFile(scratch.path + "/a.duckdb", "rows");
    console.log(scratch.path);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  `;
  const other = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", "--ext=ts", script, place.dataDir],
    cwd: new URL("../../../../../", import.meta.url).pathname,
    stdout: "piped",
  }).spawn();
  const reader = other.stdout.getReader();
  const left = new TextDecoder().decode((await reader.read()).value).trim();
  {
    await using scratch = await openScratchFolder(place.dataDir);
    equal(place.copies().length, 2);
    equal(await clearCopies(place.dataDir), 0, "both are somebody's");
    equal(((await Deno.stat(scratch.path)).mode ?? 0) & 0o777, 0o700);
  }
  deepEqual(place.copies().map((name) => join(copiesFolder(place.dataDir), name)), [left]);
  other.kill("SIGKILL");
  await other.status;
  await reader.cancel();
  await using _next = await openScratchFolder(place.dataDir);
  equal(place.copies().length, 1, "the dead one's is gone");
});
