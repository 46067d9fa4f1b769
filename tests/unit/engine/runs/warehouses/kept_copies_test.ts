import { deepEqual, equal, notEqual, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import { copiesFolder } from "../../../../../engine/runs/warehouses/copies_folder.ts";
import { KeptCopies } from "../../../../../engine/runs/warehouses/kept_copies.ts";
import { warehousePath } from "../../../../../engine/runs/warehouses/warehouse_file.ts";
import { NO_WAREHOUSE_KEYS } from "../../../../../engine/runs/warehouses/warehouse_keys.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { claim, newRun, StoreFixture } from "../../store/store_fixture.ts";

const { signal } = new AbortController();

/** A data folder of a pipeline `a`, and the copies of its warehouse that are kept. */
class Place implements AsyncDisposable {
  readonly dataDir = Deno.makeTempDirSync({ prefix: "sluice kept é " });
  readonly clock = new FakeClock(Date.now() + 10_000);
  readonly store: Store;
  readonly copies: KeptCopies;
  readonly #fixture: StoreFixture;

  private constructor(fixture: StoreFixture, store: Store) {
    this.#fixture = fixture;
    this.store = store;
    const { dataDir, clock } = this;
    this.copies = new KeptCopies({ dataDir, store, clock, warehouseKeys: NO_WAREHOUSE_KEYS });
  }

  static async create(): Promise<Place> {
    const fixture = new StoreFixture();
    const place = new Place(fixture, await fixture.openWithPipelines());
    await Deno.mkdir(join(place.dataDir, "warehouse"));
    return place;
  }

  async write(sql: string): Promise<void> {
    await using database = await openDatabase({
      path: warehousePath(this.dataDir, "a"),
      allowedDirectories: [],
    });
    await using session = await database.session();
    await session.run(sql);
  }

  take() {
    return this.copies.take("a", { purpose: "look at a", waitMs: 0 }, signal);
  }

  folders(): string[] {
    return Array.from(Deno.readDirSync(copiesFolder(this.dataDir)), ({ name }) => name).filter((name) =>
      name !== "lock"
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.copies[Symbol.asyncDispose]();
    deepEqual(this.folders(), [], "nothing is left");
    await this.#fixture[Symbol.asyncDispose]();
    await Deno.remove(this.dataDir, { recursive: true });
  }
}

Deno.test("KeptCopies lend one copy until the warehouse changes, and the old one to who has it still", async () => {
  await using place = await Place.create();
  equal(await place.take(), undefined, "there is no warehouse yet");
  await place.write("CREATE TABLE t AS SELECT 1 AS n");
  const [one, other] = await Promise.all([place.take(), place.take()]);
  ok(one !== undefined && other !== undefined);
  equal(one.path, other.path, "who asks at the same time gets the same");
  equal(one.asOfMs, Deno.statSync(warehousePath(place.dataDir, "a")).mtime?.getTime());
  await place.write("INSERT INTO t VALUES (2)");
  const newer = await place.take();
  notEqual(newer?.path, one.path);
  ok(Deno.statSync(one.path).isFile, "it is read still");
  await one[Symbol.asyncDispose]();
  await one[Symbol.asyncDispose]();
  ok(Deno.statSync(one.path).isFile, "the other one reads it still");
  await other[Symbol.asyncDispose]();
  await newer?.[Symbol.asyncDispose]();
  equal((await place.take())?.path, newer?.path);
});

Deno.test("KeptCopies wait for no run where there is a copy from before it", async () => {
  await using place = await Place.create();
  await place.write("CREATE TABLE t AS SELECT 1 AS n");
  {
    await using first = await place.take() ?? null;
    ok(first !== null);
    await place.store.runs.create(newRun("r"));
    await claim(place.store, "me", place.clock.now());
    await place.write("INSERT INTO t VALUES (2)");
    await using stale = await place.take() ?? null;
    equal(stale?.path, first.path);
    place.copies.forget("a");
  }
  await rejects(place.take(), {
    code: "unavailable",
    message: /^Cannot look at a: a run of it has not ended/,
  });
  equal(await place.store.holds.isAnyHeld(place.clock.now()), false);
});

Deno.test("KeptCopies remove what nobody has asked for in a while", async () => {
  await using place = await Place.create();
  await place.write("CREATE TABLE t AS SELECT 1 AS n");
  const copy = await place.take();
  equal(place.folders().length, 1);
  await place.clock.advance(3_600_000);
  equal(place.folders().length, 1, "it is read still");
  await copy?.[Symbol.asyncDispose]();
  await place.clock.advance(299_000);
  equal(place.folders().length, 1);
  await place.clock.advance(2_000);
  for (let i = 0; i < 100 && place.folders().length > 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  deepEqual(place.folders(), []);
});
