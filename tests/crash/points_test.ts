import { deepEqual, equal, match } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import * as v from "valibot";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { mariadbOfTests } from "../support/mysql_loader.ts";
import { acquirePostgres } from "../support/postgres.ts";
import { S3Bucket } from "../support/s3_bucket.ts";
import { startSqld } from "../support/sqld.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../support/worker_process.ts";

/**
 * A run's process dies at each named point of a load (engine/worker/points.ts), for each destination and
 * mode: what the destination holds then is what it held before, or, behind the commit, all of the
 * load; and the next attempt of the run leaves exactly the right rows.
 */

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());
const mariadb = await mariadbOfTests();

const POINTS = ["after claim", "after stage", "after apply", "before commit", "after commit"] as const;
const MODES = ["replace", "append", "merge"] as const;
type Mode = (typeof MODES)[number];

/** Each round changes a row of the one before and adds one. */
const rowsOfRound = (round: number): (readonly [number, string])[] => [
  [round, `round ${round}`],
  [round + 1, `round ${round}`],
];

const modelOf = (round: number): string =>
  `SELECT * FROM (VALUES ${
    rowsOfRound(round).map(([id, name]) => `(${id}, '${name}')`).join(", ")
  }) AS t(id, name)`;

/** What the target holds after the rounds. */
function expected(mode: Mode, rounds: number): string[] {
  const all = Array.from({ length: rounds }, (_, i) => rowsOfRound(i + 1));
  if (mode === "replace") return texts(all.at(-1) ?? []);
  if (mode === "append") return texts(all.flat());
  return texts([...new Map(all.flat()).entries()]);
}

const texts = (rows: readonly (readonly unknown[])[]): string[] =>
  rows.map((row) => row.join(" ")).toSorted();

interface System extends AsyncDisposable {
  readonly connector: WorkerProject["connectors"][string];
  readonly target: Readonly<Record<string, unknown>>;
  rows(): Promise<string[]>;
}

async function duckRows(path: string, query: string): Promise<string[]> {
  await using database = await openDatabase({ path, allowedDirectories: ["/"] });
  await using session = await database.session();
  return texts((await session.rows(query)).map((row) => Object.values(row)));
}

const SYSTEMS: Readonly<Record<string, (projectDir: string) => Promise<System>>> = {
  postgres: async () => {
    const database = await server.createDatabase();
    return {
      connector: { type: "postgres", url: database.url },
      target: { table: "made.t" },
      rows: async () =>
        texts((await database.sql`SELECT id, name FROM made.t`).map((row) => Object.values(row))),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  },
  mysql: async () => {
    const database = await mariadb.createDatabase();
    return {
      connector: { type: "mysql", url: database.url },
      target: { table: "t" },
      async rows() {
        // What a dead process left beside is not of the target's readers.
        return texts((await database.run("SELECT id, name FROM t")).map((row) => Object.values(row)));
      },
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  },
  sqlite: (projectDir) =>
    Promise.resolve({
      connector: { type: "sqlite", path: "out/it.db" },
      target: { table: "t" },
      rows() {
        using database = new DatabaseSync(`${projectDir}/out/it.db`);
        return Promise.resolve(
          texts(database.prepare("SELECT id, name FROM t").all().map((row) => Object.values(row))),
        );
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  libsql: async () => {
    const sqld = await startSqld();
    return {
      connector: { type: "libsql", url: sqld.url },
      target: { table: "t" },
      rows: async () => texts(await sqld.query("SELECT id, name FROM t")),
      async [Symbol.asyncDispose]() {
        await using _server = sqld;
        const tables = await sqld.query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
        deepEqual(tables, [["_sluice_loads"], ["t"]], "what killed loads left is dropped");
      },
    };
  },
  duckdb: (projectDir) =>
    Promise.resolve({
      connector: { type: "duckdb", path: "out/it.duckdb" },
      target: { table: "made.t" },
      rows: () => duckRows(`${projectDir}/out/it.duckdb`, "SELECT id, name FROM made.t"),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  file: (projectDir) =>
    Promise.resolve({
      connector: { type: "file" },
      target: { path: "out/t/" },
      rows: () => duckRows(":memory:", `SELECT id, name FROM read_parquet('${projectDir}/out/t/*.parquet')`),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  s3: async (projectDir) => {
    const bucket = await S3Bucket.create();
    return {
      connector: { ...bucket.config(), type: "s3" },
      target: { path: "out/t/" },
      async rows() {
        const { files } = v.parse(manifestSchema, JSON.parse(await bucket.text("out/t/.sluice")));
        const copies = await Deno.makeTempDir({ dir: projectDir });
        for (const [i, file] of files.entries()) {
          await Deno.writeFile(`${copies}/${i}.parquet`, await bucket.bytes(`out/t/${file}`));
        }
        return await duckRows(":memory:", `SELECT id, name FROM read_parquet('${copies}/*.parquet')`);
      },
      [Symbol.asyncDispose]: () => bucket[Symbol.asyncDispose](),
    };
  },
  "s3, one file": async () => {
    const bucket = await S3Bucket.create();
    return {
      connector: { ...bucket.config(), type: "s3" },
      target: { path: "out/t.csv" },
      rows: async () =>
        (await bucket.text("out/t.csv")).trim().split("\n").slice(1).map((line) => line.replace(",", " "))
          .toSorted(),
      [Symbol.asyncDispose]: () => bucket[Symbol.asyncDispose](),
    };
  },
};

/** What says which files a folder of a bucket has. */
const manifestSchema = v.object({ files: v.array(v.string()) });

/** Modes that the target does not have. */
const NOT: Readonly<Record<string, readonly Mode[]>> = { "s3, one file": ["append"] };

for (const [name, start] of Object.entries(SYSTEMS)) {
  for (const mode of MODES.filter((mode) => NOT[name]?.includes(mode) !== true)) {
    Deno.test(`${name}, ${mode}: a process that dies at any point of a load loses and doubles nothing`, async () => {
      const folder = await Deno.makeTempDir({ prefix: "sluice-points-" });
      try {
        await using system = await start(`${folder}/project`);
        await dieAtEachPoint(folder, system, mode);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}

async function dieAtEachPoint(folder: string, system: System, mode: Mode): Promise<void> {
  const load = { connector: "there", ...system.target, mode, primary_key: ["id"] };
  const project: WorkerProject = {
    folder,
    connectors: { there: system.connector },
    pipeline: { load: { rows: [mode === "merge" ? load : { ...load, primary_key: undefined }] } },
  };
  // The first load of a target that is not there yet has nothing to fall back to.
  const first = { runId: "round1", models: { rows: modelOf(1) } };
  const died = await attemptInProcess(project, {
    ...first,
    attempt: 1,
    dieAt: "load:rows→there before commit",
  });
  equal(died.signal, "SIGKILL", `${JSON.stringify(died.error)} ${died.log.join("\n")}`);
  equal((await succeed(project, { ...first, attempt: 2 })).steps.get("load:rows→there")?.rows, 2);
  deepEqual(await system.rows(), expected(mode, 1));
  for (const [i, point] of POINTS.entries()) {
    const round = i + 2;
    const request = { runId: `round${round}`, models: { rows: modelOf(round) } };
    const died = await attemptInProcess(project, {
      ...request,
      attempt: 1,
      dieAt: `load:rows→there ${point}`,
    });
    equal(died.signal, "SIGKILL", `${point}: ${JSON.stringify(died.error)} ${died.log.join("\n")}`);
    deepEqual(await system.rows(), expected(mode, point === "after commit" ? round : round - 1), point);
    const retried = await succeed(project, { ...request, attempt: 2 });
    deepEqual(await system.rows(), expected(mode, round), `${point}, then the next attempt`);
    equal(retried.steps.get("load:rows→there")?.rows, 2);
    if (point === "after commit") match(retried.log.join("\n"), /had this load from an earlier attempt/);
  }
}
