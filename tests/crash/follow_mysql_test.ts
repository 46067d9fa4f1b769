import { equal } from "node:assert/strict";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { acquireMariadb, type MariadbDatabase } from "../support/mariadb.ts";
import { randomFrom } from "../support/random.ts";
import { MYSQL_STREAMS, MYSQL_TABLES, RandomMysqlWorkload } from "../support/random_mysql_workload.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../support/worker_process.ts";

/**
 * The process of a run that follows a binary log dies at each named point, and at random moments: what was
 * committed is neither lost nor doubled.
 */

/** Set it to see a failure again. */
const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? Date.now() % 1_000_000);
const MOMENTS = 3;
const LONGEST_MS = 1_500;

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

async function withProject(
  mode: "merged" | "history",
  work: (database: MariadbDatabase, project: WorkerProject) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-follow-" });
  await using database = await server.createDatabase();
  await database.run(MYSQL_TABLES);
  const followed = Object.fromEntries(
    Object.entries(MYSQL_STREAMS).map(([name, stream]) => [name, {
      connector: "shop",
      ...stream,
      history: mode === "history",
    }]),
  );
  try {
    await work(database, {
      folder,
      connectors: { shop: { type: "mysql", url: database.url, ssl: "disable" } },
      pipeline: { extract: followed },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function rowsOf(project: WorkerProject, sql: string): Promise<string[]> {
  await using database = await openDatabase({
    path: `${project.folder}/data/p.duckdb`,
    allowedDirectories: [],
  });
  await using session = await database.session();
  return (await session.rows(sql)).map((row) => Object.values(row).join("|"));
}

/** The source's rows and raw's, as text that both write alike. */
async function compare(database: MariadbDatabase, project: WorkerProject, when: string): Promise<void> {
  const columns = {
    plain: "id, name, big, n",
    pairs: "x, y, doc",
    simple: "k, note, kind",
    parted: "id, part, v",
  };
  for (const [table, list] of Object.entries(columns)) {
    const text = (cast: (column: string) => string) =>
      `concat_ws('|', ${list.split(", ").map((column) => cast(column)).join(", ")})`;
    const there = await database.run(
      `SELECT ${text((column) => `CONVERT(${column} USING utf8mb4)`)} AS r FROM ${table}`,
    );
    const here = await rowsOf(project, `SELECT ${text((column) => `${column}::VARCHAR`)} FROM raw.${table}`);
    const sorted = there.map((row) => String(row["r"])).toSorted();
    equal(here.toSorted().join("\n"), sorted.join("\n"), `${when}: ${table}`);
  }
}

const POINTS = ["after read", "before checkpoint", "after checkpoint", "after commit"] as const;

Deno.test("a process that dies at any point of following a binary log loses and doubles nothing", () =>
  withProject("merged", async (database, project) => {
    const workload = new RandomMysqlWorkload(database.pool, randomFrom(SEED));
    await workload.transactions(10);
    // Beginning with the snapshot.
    for (const [i, point] of [...POINTS, ...POINTS].entries()) {
      const when = `seed ${SEED}, ${point} of round ${i}`;
      const request = { runId: `round${i}`, models: {} };
      const died = await attemptInProcess(project, {
        ...request,
        attempt: 1,
        dieAt: `extract:plain ${point}`,
      });
      equal(died.signal, "SIGKILL", `${when}: ${JSON.stringify(died.error)} ${died.log.join("\n")}`);
      await succeed(project, { ...request, attempt: 2 });
      await compare(database, project, when);
      await workload.transactions(10);
    }
  }));

Deno.test("a history of a binary log has each change once, whatever moment the process dies at", () =>
  withProject("history", async (database, project) => {
    const random = randomFrom(SEED);
    await database.run("INSERT INTO plain (id, name) VALUES (0, 'begin')");
    await succeed(project, { runId: "first", attempt: 1, models: {} });
    let written = 0;
    for (let moment = 0; moment < MOMENTS; moment += 1) {
      await database.run(
        `INSERT INTO plain (id, name) SELECT ${written} + seq, 'x' FROM seq_1_to_5000;
         UPDATE plain SET name = 'y' WHERE id > ${written}`,
      );
      written += 5000;
      const request = { runId: `round${moment}`, models: {} };
      await attemptInProcess(project, { ...request, attempt: 1, killAfterMs: random() * LONGEST_MS });
      await succeed(project, { ...request, attempt: 2 });
      const counts = await rowsOf(
        project,
        `SELECT _sluice_operation, count(*), count(DISTINCT id), count(DISTINCT _sluice_sequence) FROM raw.plain
         WHERE _sluice_operation <> 'snapshot' GROUP BY 1 ORDER BY 1`,
      );
      equal(
        counts.join(),
        [`insert|${written}|${written}|${written}`, `update|${written}|${written}|${written}`].join(),
        `seed ${SEED}, moment ${moment}`,
      );
    }
  }));
