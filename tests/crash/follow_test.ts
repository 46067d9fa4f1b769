import { equal, ok } from "node:assert/strict";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { acquirePostgres, type TestDatabase } from "../support/postgres.ts";
import { randomFrom } from "../support/random.ts";
import { RandomWorkload, STREAMS, TABLES } from "../support/random_workload.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../support/worker_process.ts";

/**
 * The process of a run that follows changes dies at each named point, and at random moments: what was
 * committed is neither lost nor doubled, and the slot never forgets what is not stored.
 */

/** Set it to see a failure again. */
const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? Date.now() % 1_000_000);
const MOMENTS = 6;

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

/** A pipeline of followed tables, each read whole beside, to compare. */
async function withProject(
  mode: "merged" | "history",
  work: (database: TestDatabase, project: WorkerProject) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-follow-" });
  await using database = await server.createDatabase();
  await database.sql.unsafe(TABLES);
  const followed = Object.fromEntries(
    Object.entries(STREAMS).map(([name, stream]) => [name, {
      connector: "shop",
      ...stream,
      history: mode === "history",
    }]),
  );
  try {
    await work(database, {
      folder,
      connectors: { shop: { type: "postgres", url: database.url, ssl: "disable" } },
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
async function compare({ sql }: TestDatabase, project: WorkerProject, when: string): Promise<void> {
  const texts = {
    plain: "concat_ws('|', id, name, md5(big), n)",
    pairs: "concat_ws('|', x, y, md5(doc->>'v'))",
    whole: "concat_ws('|', k, note, md5(big))",
    parted: "concat_ws('|', id, part, v)",
  };
  for (const [table, text] of Object.entries(texts)) {
    const query = (from: string) => `SELECT ${text} AS r FROM ${from} ORDER BY 1`;
    const there = (await sql.unsafe(query(table))).map((row) => String(row["r"])).toSorted();
    const here = (await rowsOf(project, query(`raw.${table}`))).toSorted();
    equal(here.join("\n"), there.join("\n"), `${when}: ${table}`);
  }
}

const POINTS = ["after read", "before checkpoint", "after checkpoint", "after commit"] as const;

Deno.test("a process that dies at any point of following loses and doubles nothing", () =>
  withProject("merged", async (database, project) => {
    const workload = new RandomWorkload(database.sql, randomFrom(SEED));
    await workload.transactions(10);
    // Beginning with the snapshot.
    for (const [i, point] of [...POINTS, ...POINTS].entries()) {
      const when = `seed ${SEED}, ${point} of round ${i}`;
      const request = { runId: `round${i}`, models: {} };
      const dieAt = `extract:plain ${point}`;
      const died = await attemptInProcess(project, { ...request, attempt: 1, dieAt });
      equal(died.signal, "SIGKILL", `${when}: ${JSON.stringify(died.error)} ${died.log.join("\n")}`);
      await succeed(project, { ...request, attempt: 2 });
      await compare(database, project, when);
      await workload.transactions(10);
    }
  }));

Deno.test("a history has each change once, whatever moment the process dies at", () =>
  withProject("history", async ({ sql }, project) => {
    const random = randomFrom(SEED);
    await sql`INSERT INTO plain (id, name) VALUES (0, 'begin')`;
    await succeed(project, { runId: "first", attempt: 1, models: {} });
    let written = 0;
    for (let moment = 0; moment < MOMENTS; moment += 1) {
      await sql.unsafe(
        `INSERT INTO plain (id, name) SELECT ${written} + i, 'x' FROM generate_series(1, 5000) i;
         UPDATE plain SET name = 'y' WHERE id > ${written}`,
      );
      written += 5000;
      const request = { runId: `round${moment}`, models: {} };
      const dieAt = `extract:plain ${POINTS[Math.floor(random() * POINTS.length)]}`;
      const died = await attemptInProcess(project, { ...request, attempt: 1, dieAt });
      equal(died.signal, "SIGKILL", `${dieAt}: ${JSON.stringify(died.error)} ${died.log.join("\n")}`);
      await succeed(project, { ...request, attempt: 2 });
      const counts = await rowsOf(
        project,
        `SELECT _sluice_operation, count(*), count(DISTINCT id), count(DISTINCT _sluice_sequence) FROM raw.plain
         WHERE _sluice_operation <> 'snapshot' GROUP BY 1 ORDER BY 1`,
      );
      equal(
        counts.join(),
        [`insert|${written}|${written}|${written}`, `update|${written}|${written}|${written}`].join(),
      );
    }
    const [slot] =
      await sql`SELECT confirmed_flush_lsn > restart_lsn AS moved, active FROM pg_replication_slots
      WHERE database = current_database()`;
    ok(slot?.["moved"] === true && slot["active"] === false);
  }));
