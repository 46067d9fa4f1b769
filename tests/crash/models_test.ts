import { deepEqual, equal } from "node:assert/strict";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../support/worker_process.ts";

/**
 * A run's process dies at each named point of a model that keeps its rows (engine/worker/points.ts): what its table
 * holds then is what it held before, or, behind the commit, what was committed; and the next attempt of the run
 * leaves exactly the right rows.
 */

const DAY_MS = 86_400_000;
const HOURS = "SELECT hour, hour // 24 AS day FROM range(1000) AS t(hour)";
const IN_WINDOW = `to_timestamp(hour * 3600) >= getvariable('window_start')
  AND to_timestamp(hour * 3600) < getvariable('window_end')`;

const MODELS = {
  added: `/* @sluice
materialized: incremental
strategy: append
begin: 1970-01-01
*/
SELECT * FROM (${HOURS}) WHERE ${IN_WINDOW}`,
  daily: `/* @sluice
materialized: incremental
strategy: delete_insert
update_key: ts
batch_size: 1d
begin: 1970-01-01
*/
SELECT DATE '1970-01-01' + day::INTEGER AS ts, count(*) AS hours, getvariable('run_id') AS run
FROM (${HOURS}) WHERE ${IN_WINDOW} GROUP BY ALL`,
  history: `/* @sluice
materialized: scd2
primary_key: [id]
deletes: soft
*/
SELECT id, 'since day ' || (day - day % id) AS state
FROM (SELECT (epoch(getvariable('run_start')) / 86400)::INTEGER AS day), range(1, 4) AS t(id)`,
};

/** What the history holds after runs for these days: by id and state, from when on. */
function historyOf(days: readonly number[]): unknown[][] {
  const versions: unknown[][] = [];
  for (let id = 1; id <= 3; id++) {
    for (const day of days) {
      const state = `since day ${day - day % id}`;
      const last = versions.findLast(([of]) => of === id);
      if (last?.[1] === state) continue;
      if (last !== undefined) [last[3], last[4]] = [day, false];
      versions.push([id, state, day, null, true]);
    }
  }
  return versions;
}

/** The days of a run's window, a round; the first is the first build. */
const ROUNDS = [
  ["model:added before commit", 3],
  ["model:added after commit", 4],
  ["model:daily batch 2 before commit", 7],
  ["model:daily batch 2 after commit", 10],
  ["model:daily batch 3 after commit", 13],
  ["model:history before commit", 14],
  ["model:history after commit", 16],
] as const;

async function rowsOf(folder: string, sql: string): Promise<unknown[][]> {
  await using database = await openDatabase({
    path: `${folder}/data/p.duckdb`,
    allowedDirectories: [folder],
  });
  await using session = await database.session();
  return (await session.rows(sql)).map((row) => Object.values(row));
}

Deno.test("a process that dies at any point of a model that keeps its rows loses and doubles none", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-models-" });
  try {
    const project: WorkerProject = { folder, connectors: {}, pipeline: { transform: "p" } };
    for (const [index, [dieAt, days]] of ROUNDS.entries()) {
      const request = { runId: `run${index}`, models: MODELS, windowEndMs: days * DAY_MS };
      const died = await attemptInProcess(project, { ...request, attempt: 1, dieAt });
      equal(died.signal, "SIGKILL", `${dieAt}: ${JSON.stringify(died.error)} ${died.log.join("\n")}`);
      const before = ROUNDS[index - 1]?.[1] ?? 0;
      const [[there] = []] = await rowsOf(
        folder,
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'daily'",
      );
      if (index > 0) equal(there, 1);
      if (dieAt.includes("batch 2") && index > 0) {
        const [[done] = []] = await rowsOf(folder, `SELECT count(*) FROM daily WHERE run = 'run${index}'`);
        equal(done, dieAt.endsWith("after commit") ? 2 : 1, dieAt);
      }
      await succeed(project, { ...request, attempt: 2 });
      deepEqual(
        await rowsOf(folder, "SELECT count(*), count(DISTINCT hour), max(hour) FROM added"),
        [[days * 24, days * 24, days * 24 - 1]],
        `${dieAt}: appended from day ${before} to ${days}`,
      );
      deepEqual(
        await rowsOf(folder, "SELECT count(*), count(DISTINCT ts), min(hours), max(hours) FROM daily"),
        [[days, days, 24, 24]],
        dieAt,
      );
      deepEqual(await rowsOf(folder, "FROM _sluice.model_batches"), []);
      deepEqual(
        await rowsOf(
          folder,
          `SELECT id, state, (epoch(valid_from) / 86400)::INTEGER, (epoch(valid_to) / 86400)::INTEGER, is_current
           FROM history ORDER BY id, valid_from`,
        ),
        historyOf(ROUNDS.slice(0, index + 1).map(([, day]) => day)),
        dieAt,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
