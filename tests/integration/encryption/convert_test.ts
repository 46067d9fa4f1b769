import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { aesSealer } from "../../support/aes_sealer.ts";
import type { WarehouseKeyStore } from "../../../contract/keys/warehouse_key.ts";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { copyWarehouse } from "../../../engine/runs/warehouses/copy_warehouse.ts";
import { createRowCover } from "../../../engine/runs/streams/row_cover.ts";
import { type ConvertContext, convertWarehouse } from "../../../engine/runs/warehouses/convert_warehouse.ts";
import {
  isEncrypted,
  warehousePath,
  warehouseState,
} from "../../../engine/runs/warehouses/warehouse_file.ts";
import { createWarehouseKeys, type WarehouseKeys } from "../../../engine/runs/warehouses/warehouse_keys.ts";
import { findProgram } from "../../../server/program.ts";
import { systemClock } from "../../../contract/clock.ts";
import { inOtherProcess } from "../../support/duckdb_holder.ts";
import { PROGRAM } from "../../support/program.ts";

const signal = new AbortController().signal;
const ROWS = 20_000;

/** A data folder with a warehouse of all that a warehouse may have in it, and a preview. */
class Place implements AsyncDisposable {
  readonly folder: string;
  readonly keys: WarehouseKeys;
  readonly #store: WarehouseKeyStore;

  private constructor(folder: string) {
    this.folder = folder;
    this.#store = memoryStore();
    this.keys = createWarehouseKeys({
      store: this.#store,
      sealer: aesSealer(),
      dataDir: folder,
      clock: Date,
      isWanted: false,
      findModule: () => Promise.resolve(Deno.env.get("SLUICE_DUCKDB_HTTPFS") ?? ""),
    });
  }

  static async create(): Promise<Place> {
    const place = new Place(await Deno.makeTempDir({ prefix: "sluice convert é " }));
    for (const name of ["warehouse", "previews/shop"]) {
      await Deno.mkdir(join(place.folder, name), { recursive: true });
    }
    await Deno.writeTextFile(place.preview, '{"rows":[["secret"]]}');
    await using database = await openDatabase({ path: place.path, allowedDirectories: [] });
    await using session = await database.session();
    await session.run(`
      CREATE SCHEMA raw; CREATE SCHEMA _sluice;
      CREATE TABLE raw.orders (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL DEFAULT 'x', tags VARCHAR[], doc JSON,
        price DECIMAL(38, 9), moment TIMESTAMPTZ, u UUID, s STRUCT(a INTEGER, "b c" VARCHAR), m MAP(VARCHAR, INTEGER), b BLOB,
        x UNION(n INTEGER, "t t" VARCHAR), a DOUBLE[2], h HUGEINT, i INTERVAL, d DOUBLE, next INTEGER AS (id + 1));
      INSERT INTO raw.orders SELECT range, 'secret ' || range, [range, NULL], '{"a": 1}', range / 7, now(), uuid(),
        {'a': range, 'b c': NULL}, MAP {'k': range}, '\\x00\\xff'::BLOB,
        range::VARCHAR, [range, NULL], -range, INTERVAL (range) DAY, -0.0 FROM range(${ROWS});
      CREATE INDEX by_name ON raw.orders (name);
      CREATE TYPE mood AS ENUM ('a', 'b');
      CREATE TABLE "odd ""name" AS SELECT 'a'::mood AS mood, NULL AS nothing;
      CREATE TABLE empty (n INTEGER);
      CREATE VIEW seen AS SELECT name FROM raw.orders; CREATE VIEW again AS SELECT * FROM seen;
      COMMENT ON TABLE empty IS 'nothing';
    `);
    return place;
  }

  get path(): string {
    return warehousePath(this.folder, "shop");
  }

  get preview(): string {
    return join(this.folder, "previews/shop/orders.json");
  }

  convert(action: "encrypt" | "decrypt", more: Partial<ConvertContext> = {}) {
    const { runProcess } = findProgram(PROGRAM.main, () => undefined);
    return convertWarehouse(
      {
        dataDir: this.folder,
        projectDir: this.folder,
        runProcess,
        warehouseKeys: this.keys,
        store: this.#store,
        cover: createRowCover(this.keys, (pipeline) => isEncrypted(this.folder, pipeline)),
        log: () => {},
        ...more,
      },
      "shop",
      action,
      signal,
    );
  }

  async count(): Promise<number> {
    const key = await this.keys.open("shop");
    await using database = await openDatabase({ path: this.path, key, allowedDirectories: [] });
    await using session = await database.session();
    const [row] = await session.rows("SELECT count(*) AS n FROM again");
    return Number(row?.["n"]);
  }

  files(): string[] {
    return Array.from(Deno.readDirSync(join(this.folder, "warehouse")), ({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("a conversion that is killed before or after its file is in place leaves one whole warehouse, and is done again", async () => {
  await using place = await Place.create();
  for (const action of ["encrypt", "decrypt"] as const) {
    const [was, is] = action === "encrypt" ? ["plain", "encrypted"] : ["encrypted", "plain"];
    await rejects(place.convert(action, { dieAt: "convert before commit" }), {
      code: "internal",
      message: /do it again/,
    });
    deepEqual([await warehouseState(place.path), await place.count()], [was, ROWS]);
    await rejects(place.convert(action, { dieAt: "convert after commit" }), { code: "internal" });
    deepEqual([await warehouseState(place.path), await place.count()], [is, ROWS]);
    // What lies beside is not done yet.
    const again = await place.convert(action);
    deepEqual([again.compared, place.files()], [null, ["shop.duckdb"]]);
    const preview = await Deno.readTextFile(place.preview);
    equal(preview.includes("secret"), action === "decrypt");
  }
  const { compared } = await place.convert("encrypt");
  deepEqual(compared, { tables: 3, rows: ROWS + 1 });
  equal(await place.count(), ROWS);
});

Deno.test("a warehouse that is in use is not converted, and what was left of a copy is in nobody's way", async () => {
  await using place = await Place.create();
  await Deno.writeTextFile(`${place.path}.converting`, "of a process that was killed");
  equal((await place.convert("decrypt")).compared, null, "it is plain already");
  {
    await using _held = await inOtherProcess(place.path, "write");
    await rejects(place.convert("encrypt"), {
      code: "unavailable",
      message: /Cannot encrypt the warehouse of "shop".*holds it/s,
    });
  }
  equal(await warehouseState(place.path), "plain");
  await place.convert("encrypt");
  deepEqual(place.files(), ["shop.duckdb"]);
  await Deno.remove(place.path);
  await rejects(place.convert("encrypt"), { code: "not_found", message: /it has none yet/ });
});

function memoryStore(): WarehouseKeyStore {
  const kept = new Map<string, string>();
  return {
    get: (pipeline) => Promise.resolve(kept.get(pipeline)),
    put(pipeline, sealed) {
      if (!kept.has(pipeline)) kept.set(pipeline, sealed);
      return Promise.resolve(kept.get(pipeline) ?? sealed);
    },
    pipelines: () => Promise.resolve([...kept.keys()]),
    remove(pipeline) {
      kept.delete(pipeline);
      return Promise.resolve();
    },
  };
}

Deno.test("a copy of an encrypted warehouse is encrypted by the same key", async () => {
  await using place = await Place.create();
  await place.convert("encrypt");
  const folder = join(place.folder, "copy");
  await Deno.mkdir(folder);
  const store = {
    holds: {
      hold: () => Promise.resolve(true),
      release: () => Promise.resolve(),
      isAnyHeld: () => Promise.resolve(true),
    },
    runs: { list: () => Promise.resolve([]) },
  };
  const context = { dataDir: place.folder, store, clock: systemClock, warehouseKeys: place.keys };
  const request = { pipeline: "shop", folder, purpose: "look at shop", waitMs: 0, onWait: () => {} };
  const copy = await copyWarehouse(context, request, signal);
  equal(await warehouseState(join(folder, "shop.duckdb")), "encrypted");
  await using database = await openDatabase({
    path: copy?.path ?? "",
    key: copy?.key,
    allowedDirectories: [],
  });
  await using session = await database.session();
  deepEqual(await session.rows("SELECT count(*)::INTEGER AS n FROM again"), [{ n: ROWS }]);
});
