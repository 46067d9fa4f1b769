import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import * as v from "valibot";
import type { RejectsJob } from "../../contract/jobs/rejects_job.ts";
import { pipelineSchema } from "../../contract/pipeline/pipeline.ts";
import type { RejectChange } from "../../contract/rejects.ts";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { answering } from "../../engine/runs/attempt/answers.ts";
import { spawnRunProcess } from "../../engine/runs/attempt/spawn.ts";
import { LocalServer } from "../support/api_bench.ts";
import { attemptInProcess, provideFor, type WorkerProject } from "../support/worker_process.ts";

/** Rows that an API refused are sent again by a process that dies: the API sees each under one key until it is settled. */

const ROWS = 60;
const STEP = "load:m→api";
const MODELS = {
  m: `SELECT i AS id, 9007199254740993 + i AS big, 0.10::DECIMAL(38,20) + i AS price, 'é"' || i AS name,
    {n: [1.50::DECIMAL(9,2), NULL], t: TIMESTAMPTZ '2026-01-02 03:04:05.000006+00'} AS nested, '\\xA0\\x00'::BLOB AS bytes,
    '{"n": 12345678901234567890.50}'::JSON AS doc, NULL::INTEGER AS nothing, 1e300 AS far, DATE '2026-01-02' AS day
    FROM range(${ROWS}) AS r(i)`,
};

interface Sent {
  readonly id: number;
  readonly key: string;
  readonly body: string;
}

async function startApi() {
  const api = { sent: new Array<Sent>(), refuses: (_id: number): string | undefined => "not yet" };
  const server = await LocalServer.http((request, response) => {
    let body = "";
    request.on("data", (piece) => body += piece);
    request.on("end", () => {
      const { id } = JSON.parse(body);
      api.sent.push({ id, key: String(request.headers["idempotency-key"]), body });
      const reason = api.refuses(id);
      response.writeHead(reason === undefined ? 201 : 422).end(JSON.stringify({ error: reason }));
    });
  });
  return Object.assign(server, { api });
}

/** What the process reported, and the signal that it ended by. */
async function sendAgain(project: WorkerProject, dieAt?: string) {
  const { folder } = project;
  const definition = v.parse(pipelineSchema, project.pipeline);
  const { program, connectors, grant, answers } = await provideFor(project, definition);
  const job: RejectsJob = {
    kind: "rejects",
    action: "replay",
    stream: STEP,
    load: {
      definition,
      files: Object.entries(MODELS).map(([name, content]) => ({ path: `transforms/p/${name}.sql`, content })),
      run: { runId: "run-1", pipeline: "p", params: {}, windowStartMs: null, windowEndMs: 0 },
    },
    warehousePath: `${folder}/data/p.duckdb`,
    projectDir: `${folder}/project`,
    tempDir: `${folder}/data/tmp`,
    connectors,
    duckdb: grant.duckdb,
    ...(dieAt === undefined ? {} : { dieAt: `replay:${STEP} ${dieAt}` }),
  };
  const spawned = await spawnRunProcess(program.runProcess, job, grant.permissions, () => {});
  await using process = answering(spawned, answers);
  let change: RejectChange | undefined;
  for await (const report of process.reports) {
    if (report.type === "rejects_changed") change = report.change;
    if (report.type !== "finished") continue;
    equal(report.error, null, JSON.stringify(report.error));
    await process.close();
  }
  return { change, signal: (await process.status).signal };
}

async function rejectsOf(folder: string) {
  await using database = await openDatabase({ path: `${folder}/data/p.duckdb`, allowedDirectories: [] });
  await using session = await database.session();
  return await session.rows("SELECT position, reason, tries FROM _sluice.rejects ORDER BY rowid");
}

Deno.test("rejected rows are sent again with every digit, under one key each whatever kills the process", async () => {
  await using server = await startApi();
  const { api } = server;
  const folder = await Deno.makeTempDir({ prefix: "sluice-again-" });
  try {
    const project = {
      folder,
      connectors: { api: { type: "http", base_url: server.url } },
      pipeline: {
        load: {
          m: {
            connector: "api",
            mode: "append",
            primary_key: ["id"],
            max_rejects: ROWS,
            endpoint: { path: "c" },
          },
        },
      },
      privateHosts: ["127.0.0.1"],
    };
    const first = await attemptInProcess(project, { runId: "run-1", attempt: 1, models: MODELS });
    deepEqual([first.error, first.steps.get(STEP)?.rejects], [null, ROWS], first.log.join("\n"));
    const bodies = new Map(api.sent.map(({ id, body }) => [id, body]));
    const firstKeys = new Map(api.sent.map(({ id, key }) => [id, key]));

    api.sent = [];
    api.refuses = (id) => id === ROWS - 1 ? "never" : undefined;
    for (const [dieAt, left] of [["before commit", ROWS], ["after commit", ROWS - 50]] as const) {
      const { signal } = await sendAgain(project, dieAt);
      deepEqual([signal, (await rejectsOf(folder)).length], ["SIGKILL", left], dieAt);
    }
    const { change } = await sendAgain(project);
    deepEqual([change?.replayed, change?.left], [ROWS - 51, 1], JSON.stringify(change));
    match(change?.reason ?? "", /^id 59: 422: never/);
    deepEqual((await rejectsOf(folder)).map(({ position, tries }) => [position, tries]), [["id 59", 1]]);

    const keys = new Map(api.sent.map(({ id, key }) => [id, key]));
    equal(api.sent.length, 50 + 50 + (ROWS - 50));
    for (const { id, key, body } of api.sent) {
      equal(body, bodies.get(id));
      equal(key, keys.get(id), `row ${id} came under two keys`);
      notEqual(key, firstKeys.get(id), "the first key stands for the refusal");
    }
    equal(new Set(keys.values()).size, ROWS);

    api.refuses = () => undefined;
    deepEqual((await sendAgain(project)).change, {
      stream: STEP,
      replayed: 1,
      dropped: 0,
      left: 0,
      reason: null,
    });
    notEqual(
      api.sent.at(-1)?.key,
      keys.get(ROWS - 1),
      "the key of a row that was refused stands for that answer",
    );
    deepEqual(await rejectsOf(folder), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
