import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { findSnapshot, listSnapshots, snapshotFile } from "../../engine/snapshots/snapshot_files.ts";
import { attemptInProcess, succeed, type WorkerProject } from "../support/worker_process.ts";

/**
 * A run's process dies at each point of a publication: what readers find then is the whole snapshot of before or, behind
 * the last rename, the whole new one; and the next attempt leaves one snapshot of the run.
 */

const POINTS = ["after stage", "before commit", "after commit"] as const;

const modelOf = (round: number): string => `SELECT ${round} AS round, i FROM range(1000 + ${round}) AS t(i)`;

async function read(folder: string): Promise<readonly [round: number, rows: number]> {
  const current = await findSnapshot(folder);
  ok(current !== undefined, "there is always a current snapshot");
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [folder] });
  await using session = await database.session();
  const [row] = await session.rows(
    `SELECT min(round) AS round, max(round) AS most, count(*) AS n FROM read_parquet('${
      snapshotFile(folder, current.id)
    }')`,
  );
  equal(row?.["round"], row?.["most"]);
  equal(Number(row?.["n"]), current.rows);
  return [Number(row?.["round"]), current.rows];
}

Deno.test("a process that dies at any point of a publication leaves the old snapshot or the new one", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-publish-" });
  try {
    const project: WorkerProject = { folder, connectors: {}, pipeline: { publish: { daily: { keep: 2 } } } };
    const snapshots = join(folder, "data", "snapshots", "p", "daily");
    await succeed(project, { runId: "round1", attempt: 1, models: { daily: modelOf(1) } });
    deepEqual(await read(snapshots), [1, 1001]);
    for (const [i, point] of POINTS.entries()) {
      const round = i + 2;
      const request = { runId: `round${round}`, models: { daily: modelOf(round) } };
      const died = await attemptInProcess(project, {
        ...request,
        attempt: 1,
        dieAt: `snapshot:daily ${point}`,
      });
      equal(died.signal, "SIGKILL", `${point}: ${JSON.stringify(died.error)} ${died.log.join("\n")}`);
      const seen = point === "after commit" ? round : round - 1;
      deepEqual(await read(snapshots), [seen, 1000 + seen], point);
      const retried = await succeed(project, { ...request, attempt: 2 });
      equal(retried.steps.get("snapshot:daily")?.rows, 1000 + round);
      deepEqual(await read(snapshots), [round, 1000 + round], `${point}, then the next attempt`);
      if (point === "after commit") match(retried.log.join("\n"), /An earlier attempt has published it/);
      deepEqual((await listSnapshots(snapshots)).map(({ run }) => run), [
        `round${round}`,
        `round${round - 1}`,
      ]);
      // Nothing of the dead ones is left beside.
      equal((await Array.fromAsync(Deno.readDir(snapshots))).length, 4);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
