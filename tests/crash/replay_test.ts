import { deepEqual, equal } from "node:assert/strict";
import * as v from "valibot";
import type { RejectsJob } from "../../contract/jobs/rejects_job.ts";
import { pipelineSchema } from "../../contract/pipeline/pipeline.ts";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { spawnRunProcess } from "../../engine/runs/attempt/spawn.ts";
import { findProgram } from "../../server/program.ts";
import { PROGRAM } from "../support/program.ts";
import { succeed, type WorkerProject } from "../support/worker_process.ts";

/** `sluice rejects replay` whose process dies: rows are rejects or rows of the table, never both and never neither. */

const BAD = 3_000;
const GOOD = 10;
const LINES = [
  "id,changed,amount",
  ...Array.from({ length: GOOD }, (_, i) => `${i},2026-01-01,${i}`),
  ...Array.from({ length: BAD }, (_, i) => `${GOOD + i},2026-01-02,${i}.5`),
];

const STREAMS = {
  full: {},
  append: { mode: "append", update_key: "changed" },
  incremental: { mode: "incremental", update_key: "changed", primary_key: ["id"] },
} as const;

const projectOf = (folder: string, mode: keyof typeof STREAMS, type: string): WorkerProject => ({
  folder,
  connectors: { files: { type: "file" } },
  pipeline: {
    extract: {
      s: {
        connector: "files",
        path: "log.csv",
        max_rejects: BAD,
        options: { columns: { amount: type } },
        ...STREAMS[mode],
      },
    },
  },
});

/** What kills the process: a named point, or so many milliseconds. Undefined lets it end. */
type Death = { readonly dieAt: string } | { readonly afterMs: number } | undefined;

/** The signal that the process ended by. */
async function replay({ folder, pipeline }: WorkerProject, death: Death): Promise<Deno.Signal | null> {
  const definition = v.parse(pipelineSchema, pipeline).extract["s"];
  if (definition === undefined) throw new Error("there is no stream");
  const program = findProgram(PROGRAM.main, (name) => Deno.env.get(name));
  const job: RejectsJob = {
    kind: "rejects",
    action: "replay",
    stream: "s",
    definition,
    warehousePath: `${folder}/data/p.duckdb`,
    projectDir: `${folder}/project`,
    tempDir: `${folder}/data/tmp`,
    connectors: {},
    duckdb: { directories: [], files: [] },
    ...(death !== undefined && "dieAt" in death ? { dieAt: `replay:s ${death.dieAt}` } : {}),
  };
  await using process = await spawnRunProcess(
    program.runProcess,
    job,
    { hosts: [], read: [], write: [], deny: [] },
    () => {},
  );
  const killing = death !== undefined && "afterMs" in death
    ? setTimeout(() => process.kill(), death.afterMs)
    : undefined;
  for await (const report of process.reports) {
    if (report.type !== "finished") continue;
    equal(report.error, null);
    await process.close();
  }
  const { signal } = await process.status;
  clearTimeout(killing);
  return signal;
}

/** How many rows the table has, how many of other ids, and how many rejects there are. */
async function countsOf({ folder }: WorkerProject): Promise<unknown[]> {
  await using database = await openDatabase({
    path: `${folder}/data/p.duckdb`,
    allowedDirectories: [folder],
  });
  await using session = await database.session();
  const [row] = await session.rows(`SELECT (SELECT count(*) FROM raw.s)::INTEGER AS n,
    (SELECT count(DISTINCT id) FROM raw.s)::INTEGER AS ids, (SELECT count(*) FROM _sluice.rejects)::INTEGER AS left`);
  return Object.values(row ?? {});
}

const BEFORE = [GOOD, GOOD, BAD];
const AFTER = [GOOD + BAD, GOOD + BAD, 0];
const POINTS = ["after stage", "after apply", "before commit", "after commit"].map((dieAt) => ({ dieAt }));
/** Somewhere between the process's start and its end. */
const MOMENTS = [150, 300, 450].map((afterMs) => ({ afterMs }));
const DEATHS: Readonly<Record<keyof typeof STREAMS, readonly NonNullable<Death>[]>> = {
  full: POINTS.slice(1, 3),
  append: POINTS.slice(1, 3),
  incremental: [...POINTS, ...MOMENTS],
};

for (const mode of ["full", "append", "incremental"] as const) {
  Deno.test(`rejects of a stream read as ${mode}: a replay that dies at any point leaves each row once`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "sluice-replay-" });
    try {
      await Deno.mkdir(`${folder}/project`);
      await Deno.writeTextFile(`${folder}/project/log.csv`, LINES.join("\n") + "\n");
      await succeed(projectOf(folder, mode, "BIGINT"), { runId: "r", attempt: 1, models: {} });
      const kept = await Deno.readFile(`${folder}/data/p.duckdb`);
      for (const death of DEATHS[mode]) {
        const mended = projectOf(folder, mode, "DOUBLE");
        await Deno.writeFile(`${folder}/data/p.duckdb`, kept);
        await Deno.remove(`${folder}/data/p.duckdb.wal`).catch(() => {});
        deepEqual(await countsOf(mended), BEFORE);
        const signal = await replay(mended, death);
        const told = JSON.stringify(death);
        if ("dieAt" in death) equal(signal, "SIGKILL", told);
        const found = await countsOf(mended);
        const isDone = "dieAt" in death ? death.dieAt === "after commit" : found[2] === 0;
        deepEqual(found, isDone ? AFTER : BEFORE, told);
        await replay(mended, undefined);
        deepEqual(await countsOf(mended), AFTER, `${told}, and then again`);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
