import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { RunDetail } from "../../contract/run.ts";
import { findSnapshot } from "../../engine/snapshots/snapshot_files.ts";
import { randomFrom } from "../support/random.ts";
import { NONE_READY, PATIENCE_MS, Served, until } from "../support/served_project.ts";
import { waitFor } from "../support/sluice_server.ts";

/**
 * A pipeline that publishes and one that reads it, whose processes are killed at random moments, and then their server:
 * each run of the reader has the rows of one whole snapshot, the same in all its attempts, and nothing is left behind.
 */

const ROUNDS = 2;
const ROWS = 30_000;
const rowsOf = (round: number): number => ROWS + round;

const FILES = {
  "pipelines/shop.yaml": "params: { round: { type: integer } }\npublish: { daily: { keep: 1 } }\n",
  "transforms/shop/daily.sql": `SELECT getvariable('round') AS round, i, md5(i::VARCHAR) AS text
FROM range(${ROWS} + getvariable('round')) AS t(i)\n`,
  "pipelines/report.yaml": `extract:
  whole: { connector: sluice, stream: shop.daily }
  added: { connector: sluice, stream: shop.daily, mode: append }
`,
  "transforms/report/seen.sql": "SELECT round, count(*) AS n FROM raw.whole GROUP BY round\n",
};

async function namesIn(folder: string): Promise<string[]> {
  return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  });
}

/** It may have ended by itself. */
function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

Deno.test("kill -9 of who publishes and of who reads: each run reads one whole snapshot, which stays as long as it is pinned", async () => {
  const seed = Date.now();
  const random = randomFrom(seed);
  await using served = await Served.start(FILES, NONE_READY);
  const snapshots = join(served.project.dataDir, "snapshots", "shop", "daily");
  const pinned = join(served.project.dataDir, "pinned");
  let kills = 0;

  /** An attempt whose process is killed somewhere between its start and its end; the last one is left in peace. */
  async function untilDone(
    start: () => Promise<{ readonly id: string }>,
    killsAtMost: number,
  ): Promise<RunDetail> {
    const { id } = await start();
    for (let killed = 0;; killed++) {
      if (killed < killsAtMost) {
        const pid = await waitFor(
          async () => await served.server.runProcess() ?? await overOf(id),
          PATIENCE_MS,
        );
        await new Promise((resolve) => setTimeout(resolve, random() * 700));
        if (typeof pid === "number") kill(pid);
      }
      const run = await served.server.ended(id, PATIENCE_MS);
      if (run.state === "succeeded") return run;
      kills += 1;
      match(run.error?.message ?? "", /killed \(SIGKILL\)/, `seed ${seed}`);
      await onKilled(run);
      await served.server.call("POST", `/api/runs/${id}/retry`);
    }
  }
  /** Undefined while the run is not over. */
  async function overOf(id: string): Promise<"over" | undefined> {
    const { state } = await served.server.run(id);
    return state === "queued" || state === "running" ? undefined : "over";
  }
  let onKilled: (run: RunDetail) => Promise<void> = () => Promise.resolve();
  const trigger = (pipeline: string, params = {}) => () => served.server.trigger(pipeline, { params });
  const publish = (round: number, killsAtMost: number) => untilDone(trigger("shop", { round }), killsAtMost);

  const seen = async () =>
    await served.warehouseAll("report", [
      "SELECT round, n FROM seen",
      "SELECT round, count(*), count(DISTINCT i) FROM raw.added GROUP BY round ORDER BY round",
    ]);
  const added: string[][] = [];
  async function isRead(round: number): Promise<void> {
    const n = String(rowsOf(round));
    if (added.at(-1)?.[0] !== String(round)) added.push([String(round), n, n]);
    deepEqual(await seen(), [[[String(round), n]], added], `seed ${seed}`);
  }

  let newest = 1;
  await publish(newest, 0);
  for (let round = 0; round < ROUNDS; round++) {
    const expected = newest;
    let isReplaced = false;
    onKilled = async ({ id }) => {
      if (isReplaced) return;
      isReplaced = true;
      // It may have been killed before it had pinned anything only where it had no process yet.
      deepEqual(await namesIn(pinned), [id], `seed ${seed}`);
      const ofReader = onKilled;
      onKilled = async () => {
        const current = await findSnapshot(snapshots);
        ok([expected, expected + 1].map(rowsOf).includes(current?.rows ?? 0), `seed ${seed}`);
      };
      await publish(++newest, 1);
      onKilled = ofReader;
      // The reader's is gone for everybody else.
      equal((await findSnapshot(snapshots))?.rows, rowsOf(newest));
    };
    await untilDone(trigger("report"), 2);
    await isRead(expected);
    onKilled = () => Promise.resolve();
    if (!isReplaced) await publish(++newest, 0);
  }
  ok(kills > 0, `none of the kills hit a run, seed ${seed}`);

  // Both at once, and their server dies.
  const before = newest++;
  const runs = await Promise.all([trigger("report")(), trigger("shop", { round: newest })()]);
  await new Promise((resolve) => setTimeout(resolve, random() * 1_000));
  await served.server.kill();
  await served.startNext();
  for (const { id } of runs) {
    const run = await served.server.ended(id, PATIENCE_MS);
    equal(run.state, "succeeded", `seed ${seed}: ${JSON.stringify(run.error)}`);
  }
  const read = (await seen())[0]?.[0]?.[0];
  ok(read === String(before) || read === String(newest), `seed ${seed}: ${read}`);
  await isRead(Number(read));

  deepEqual(await namesIn(pinned), []);
  equal((await findSnapshot(snapshots))?.rows, rowsOf(newest));
  equal((await namesIn(snapshots)).length, 2, `${await namesIn(snapshots)}`);
  await until(
    "no folder of a process is left",
    async () => (await namesIn(join(served.project.dataDir, "tmp"))).length === 0,
  );
});
