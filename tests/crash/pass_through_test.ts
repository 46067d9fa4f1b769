import { deepEqual, equal, match, ok } from "node:assert/strict";
import { tableFromIPC } from "apache-arrow";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { acquirePostgres, type TestDatabase } from "../support/postgres.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../support/worker_process.ts";

/**
 * A run's process dies at each named point of a load that takes its rows while they are read
 * (engine/worker/pass_through): the destination never has rows that the warehouse does not, and the next
 * attempt of the run leaves exactly the right rows on both sides.
 */

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

/** In the order in which they are reached. */
const POINTS = [
  "load:orders→there after claim",
  "load:orders→there while staging",
  "extract:orders after read",
  "extract:orders before commit",
  "extract:orders after commit",
  "load:orders→there after stage",
  "load:orders→there after apply",
  "load:orders→there before commit",
  "load:orders→there after commit",
] as const;
const EXTRACTED = POINTS.indexOf("extract:orders after commit");
const LOADED = POINTS.indexOf("load:orders→there after commit");

const PASSES = /load:orders→there: Takes the rows while they are read/;

interface System {
  readonly connector: WorkerProject["connectors"][string];
  readonly load: Readonly<Record<string, unknown>>;
  rows(): Promise<string[]>;
}

const texts = (rows: Iterable<{ readonly id?: unknown; readonly name?: unknown }>): string[] =>
  [...rows].map(({ id, name }) => `${id} ${name}`).toSorted();

/** Each round's rows: one of the round before, changed, and one more. */
const rowsOfRound = (round: number): (readonly [number, string])[] => [
  [round, `round ${round}`],
  [round + 1, `round ${round}`],
];

async function fill(source: TestDatabase, round: number): Promise<void> {
  const values = rowsOfRound(round).map(([id, name]) => `(${id}, '${name}')`).join(", ");
  await source.sql.unsafe(`TRUNCATE orders; INSERT INTO orders VALUES ${values}`);
}

type Mode = "replace" | "append";

function expected(mode: Mode, rounds: number): string[] {
  const all = Array.from({ length: rounds }, (_, i) => rowsOfRound(i + 1));
  const rows = mode === "replace" ? all.at(-1) ?? [] : all.flat();
  return texts(rows.map(([id, name]) => ({ id, name })));
}

async function dieAtEachPoint(folder: string, source: TestDatabase, system: System, mode: Mode) {
  await source.sql.unsafe("CREATE TABLE orders (id integer PRIMARY KEY, name text)");
  const project: WorkerProject = {
    folder,
    connectors: { here: { type: "postgres", url: source.url }, there: system.connector },
    pipeline: {
      extract: { orders: { connector: "here", stream: "orders" } },
      load: { orders: { connector: "there", mode, ...system.load } },
    },
  };
  const stored = async () => {
    await using database = await openDatabase({
      path: `${folder}/data/p.duckdb`,
      allowedDirectories: [folder],
    });
    await using session = await database.session();
    return texts(await session.rows("SELECT id, name FROM raw.orders"));
  };
  await fill(source, 1);
  const first = await succeed(project, { runId: "round1", attempt: 1, models: {} });
  match(first.log.join("\n"), PASSES);
  deepEqual(await system.rows(), expected(mode, 1));
  for (const [i, point] of POINTS.entries()) {
    const round = i + 2;
    await fill(source, round);
    const request = { runId: `round${round}`, models: {} };
    const died = await attemptInProcess(project, { ...request, attempt: 1, dieAt: point });
    equal(died.signal, "SIGKILL", `${point}: ${JSON.stringify(died.error)} ${died.log.join("\n")}`);
    match(died.log.join("\n"), PASSES);
    deepEqual(await system.rows(), expected(mode, i < LOADED ? round - 1 : round), point);
    const held = await stored();
    // Staging goes on beside the storing, which may be done by then.
    const isExtracted = point.endsWith(" while staging")
      ? held.join() === expected("replace", round).join()
      : i >= EXTRACTED;
    deepEqual(held, expected("replace", isExtracted ? round : round - 1), `${point}, stored`);
    if (isExtracted) {
      // What the first attempt has read is not read again.
      await source.sql.unsafe("INSERT INTO orders VALUES (-1, 'too late')");
    }
    const retried = await succeed(project, { ...request, attempt: 2 });
    const log = retried.log.join("\n");
    equal(PASSES.test(log), !isExtracted, `${point}: ${log}`);
    equal(/had this load from an earlier attempt/.test(log), i >= LOADED, `${point}: ${log}`);
    deepEqual(await system.rows(), expected(mode, round), `${point}, then the next attempt`);
    deepEqual(await stored(), expected("replace", round));
    equal(retried.steps.get("load:orders→there")?.rows, 2);
    ok(retried.steps.get("load:orders→there")?.hash !== undefined);
  }
}

for (const mode of ["replace", "append"] as const) {
  Deno.test(`PostgreSQL to PostgreSQL in one pass, ${mode}: a process that dies at any point loses and doubles nothing`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "sluice-pass-" });
    try {
      await using source = await server.createDatabase();
      await using target = await server.createDatabase();
      await dieAtEachPoint(folder, source, {
        connector: { type: "postgres", url: target.url },
        load: { table: "made.t" },
        rows: async () => {
          const [made] = await target.sql`SELECT to_regclass('made.t') IS NOT NULL AS made`;
          return made?.["made"] ? texts(await target.sql`SELECT id, name FROM made.t`) : [];
        },
      }, mode);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** In the order in which they are reached where nothing is stored. */
const STRAIGHT_POINTS = [
  "load:orders→there after claim",
  "load:orders→there while staging",
  "extract:orders after read",
  "load:orders→there after stage",
  "load:orders→there after apply",
  "load:orders→there before commit",
  "load:orders→there after commit",
  "extract:orders before commit",
  "extract:orders after commit",
] as const;

interface StraightSystem extends System {
  /** What the stream `orders` is read from. */
  readonly stream: Readonly<Record<string, unknown>>;
  readonly connectors: WorkerProject["connectors"];
  give(round: number): Promise<void>;
  /** What the destination has is not read again: there is nothing to read. */
  takeAway(): Promise<void>;
}

async function dieAtEachStraightPoint(folder: string, system: StraightSystem, mode: Mode) {
  const project: WorkerProject = {
    folder,
    connectors: { ...system.connectors, there: system.connector },
    pipeline: {
      extract: { orders: { ...system.stream, store: false } },
      load: { orders: { connector: "there", mode, ...system.load } },
    },
  };
  await Deno.mkdir(`${folder}/project`, { recursive: true });
  const committed = STRAIGHT_POINTS.indexOf("load:orders→there after commit");
  const marked = STRAIGHT_POINTS.indexOf("extract:orders after commit");
  for (const [i, point] of STRAIGHT_POINTS.entries()) {
    const round = i + 1;
    await system.give(round);
    const request = { runId: `round${round}`, models: {} };
    const died = await attemptInProcess(project, { ...request, attempt: 1, dieAt: point });
    equal(died.signal, "SIGKILL", `${point}: ${JSON.stringify(died.error)} ${died.log.join("\n")}`);
    deepEqual(await system.rows(), expected(mode, i < committed ? round - 1 : round), point);
    if (i >= committed) await system.takeAway();
    const retried = await succeed(project, { ...request, attempt: 2 });
    const log = retried.log.join("\n");
    equal(
      /had this load from an earlier attempt/.test(log),
      i >= committed && i < marked,
      `${point}: ${log}`,
    );
    deepEqual(await system.rows(), expected(mode, round), `${point}, then the next attempt`);
    equal(retried.steps.get("extract:orders")?.rows, 2);
    equal(retried.steps.get("load:orders→there")?.rows, 2);
  }
}

const csvFile = (folder: string): Pick<StraightSystem, "stream" | "give" | "takeAway"> => ({
  stream: { connector: "files", path: "orders.csv" },
  async give(round) {
    const lines = rowsOfRound(round).map(([id, name]) => `${id},${name}\n`);
    await Deno.writeTextFile(`${folder}/project/orders.csv`, `id,name\n${lines.join("")}`);
  },
  takeAway: () => Deno.remove(`${folder}/project/orders.csv`),
});

const table = (source: TestDatabase): Pick<StraightSystem, "stream" | "give" | "takeAway"> => ({
  stream: { connector: "here", stream: "orders" },
  async give(round) {
    await source.sql.unsafe("CREATE TABLE IF NOT EXISTS orders (id integer PRIMARY KEY, name text)");
    await fill(source, round);
  },
  takeAway: async () => void await source.sql.unsafe("DROP TABLE orders"),
});

for (const [from, mode] of [["a table", "append"], ["a file", "replace"]] as const) {
  Deno.test(`${from} straight to PostgreSQL, ${mode}: a process that dies at any point loses and doubles nothing`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "sluice-straight-" });
    try {
      await using source = await server.createDatabase();
      await using target = await server.createDatabase();
      await dieAtEachStraightPoint(folder, {
        ...(from === "a table" ? table(source) : csvFile(folder)),
        connectors: { here: { type: "postgres", url: source.url }, files: { type: "file" } },
        connector: { type: "postgres", url: target.url },
        load: { table: "t" },
        async rows() {
          const [made] = await target.sql`SELECT to_regclass('t') IS NOT NULL AS made`;
          return made?.["made"] ? texts(await target.sql`SELECT id, name FROM t`) : [];
        },
      }, mode);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** Paths that DuckDB writes; those of a folder, which is readable by its manifest and by a pattern. */
const WRITTEN = [
  ["orders.ndjson", "replace", "read_json('PATH')"],
  ["orders.parquet", "replace", "'PATH'"],
  ["orders/", "append", "'PATH*.parquet'"],
] as const;

for (const [path, mode, read] of WRITTEN) {
  Deno.test(`a CSV file straight to ${path}, ${mode}: a process that dies at any point loses and doubles nothing`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "sluice-straight-" });
    const absolute = `${folder}/project/out/${path}`;
    try {
      await dieAtEachStraightPoint(folder, {
        ...csvFile(folder),
        connectors: { files: { type: "file" } },
        connector: { type: "file" },
        load: { path: `out/${path}` },
        async rows() {
          const isThere = await Deno.stat(absolute).then(() => true, () => false);
          if (!isThere) return [];
          await using database = await openDatabase({ path: ":memory:", allowedDirectories: [folder] });
          await using session = await database.session();
          return texts(await session.rows(`SELECT id, name FROM ${read.replace("PATH", absolute)}`));
        },
      }, mode);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("PostgreSQL to an Arrow file in one pass: a process that dies at any point leaves the old file or the new one", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-pass-" });
  try {
    await using source = await server.createDatabase();
    await dieAtEachPoint(folder, source, {
      connector: { type: "file" },
      load: { path: "out/orders.arrow" },
      rows: async () => texts(tableFromIPC(await Deno.readFile(`${folder}/project/out/orders.arrow`))),
    }, "replace");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
