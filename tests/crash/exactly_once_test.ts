import { DuckDBInstance } from "@duckdb/node-api";
import { deepEqual, equal, fail, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { LogLine, Run, RunDetail } from "../../contract/run.ts";
import { destinationRows } from "../support/destination_rows.ts";
import { acquirePostgres, type TestDatabase } from "../support/postgres.ts";
import { randomFrom } from "../support/random.ts";
import { PATIENCE_MS, queryFiles, Served, step, until } from "../support/served_project.ts";
import { isGone, waitFor } from "../support/sluice_server.ts";

/**
 * Loads that add rows show at once what was lost or doubled. Here a run's process and its server are
 * killed at any moment, also between what a destination committed and our note of it: after each run
 * the destinations hold exactly what an undisturbed sequence of runs gives.
 */

const MOMENTS = 8;
const ROWS_A_ROUND = 2_000;
/** Set it to see a failure again. */
const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? Date.now() % 1_000_000);

const LOADS = ["lite", "shop", "files"].flatMap((name) => [`load:delta→${name}`, `load:events→${name}`]);
const STEPS = ["extract:orders", "extract:events", "model:delta", "model:running", ...LOADS];

const targets = (table: string, mode: string) => `
    - { connector: lite, table: ${table}, ${mode} }
    - { connector: shop, table: out.${table}, ${mode} }
    - { connector: files, path: out/${table}/, ${mode} }`;

const FILES = {
  "connectors.yaml": `files: { type: file }
lite: { type: sqlite, path: out/lite.sqlite }
shop: { type: postgres, url: "\${secret:SHOP_URL}" }
`,
  "pipelines/once.yaml": `
retry: { limit: 5, interval: 10ms, backoff: constant }
extract:
  orders:
    connector: shop
    stream: orders
    mode: incremental
    primary_key: [id]
    update_key: updated_at
  events: { connector: shop, stream: events, mode: append, update_key: at }
load:
  delta:${targets("delta", "mode: append")}
  running:${targets("running", "mode: merge, primary_key: [round]")}
  events:${targets("events", "mode: replace")}
`,
  // The rows that are new in this run.
  "transforms/once/delta.sql":
    "SELECT id, round, amount FROM raw.orders WHERE round = (SELECT max(round) FROM raw.orders)\n",
  "transforms/once/running.sql": `/* @sluice
materialized: incremental
primary_key: [round]
*/
SELECT round, count(*) AS n, sum(amount)::BIGINT AS amount FROM raw.orders
WHERE round = (SELECT max(round) FROM raw.orders) GROUP BY round
`,
};

interface Row {
  readonly id: number;
  readonly round: number;
  readonly amount: number;
}

/** A pipeline whose source gets new rows round by round, and what its destinations must hold. */
class Bench implements AsyncDisposable {
  readonly served: Served;
  readonly #database: TestDatabase;
  #round = 0;
  readonly #delta: string[] = [];
  readonly #running: string[] = [];
  #events = 0;

  private constructor(served: Served, database: TestDatabase) {
    this.served = served;
    this.#database = database;
  }

  static async start(serverUrl: { createDatabase(): Promise<TestDatabase> }): Promise<Bench> {
    const database = await serverUrl.createDatabase();
    await database.sql.unsafe(`
      CREATE TABLE orders (id int PRIMARY KEY, round int, amount int, updated_at timestamptz);
      CREATE TABLE events (name text, at timestamptz)`);
    return new Bench(await Served.start(FILES, { SHOP_URL: database.url }), database);
  }

  get round(): number {
    return this.#round;
  }

  /** New rows, old rows that changed, and events at the moment of the last ones. */
  async change(): Promise<void> {
    this.#round += 1;
    const round = this.#round;
    const at = `timestamptz '2024-01-01' + interval '${round} hours'`;
    const { sql } = this.#database;
    await sql.unsafe(`
      INSERT INTO orders SELECT ${round} * 10000 + i, ${round}, i, ${at} FROM generate_series(1, ${ROWS_A_ROUND}) AS i;
      UPDATE orders SET round = ${round}, amount = amount + 1, updated_at = ${at}
        WHERE round < ${round} AND id % 7 = ${round % 7};
      INSERT INTO events SELECT 'again', ${at} - interval '1 hour' FROM generate_series(1, 3);
      INSERT INTO events SELECT 'new', ${at} FROM generate_series(1, 500)`);
    const rows = await sql<Row[]>`SELECT id, round, amount FROM orders WHERE round = ${round}`;
    this.#delta.push(...rows.map(({ id, amount }) => `${id} ${round} ${amount}`));
    this.#running.push(`${round} ${rows.length} ${rows.reduce((sum, { amount }) => sum + amount, 0)}`);
    this.#events += 503;
  }

  /** Compares all destinations with what must be there. */
  async check(when: string): Promise<void> {
    const expected = {
      delta: this.#delta.toSorted(),
      running: this.#running.toSorted(),
      events: String(this.#events),
    };
    const { sql } = this.#database;
    const out = join(this.served.project.projectDir, "out");
    const lite = await destinationRows(out);
    const ofLite = (table: string) =>
      (lite[`lite.sqlite ${table}`] ?? []).map((line) => Object.values(JSON.parse(line)).join(" "))
        .toSorted();
    const ofShop = async (columns: string, table: string): Promise<string[]> => {
      const rows: Record<string, unknown>[] = await sql.unsafe(`SELECT ${columns} FROM out.${table}`);
      return rows.map((row) => Object.values(row).join(" ")).toSorted();
    };
    const ofFiles = async (columns: string, table: string) =>
      (await queryFiles(`SELECT ${columns} FROM read_parquet('${out}/${table}/*.parquet')`))
        .map((row) => row.join(" ")).toSorted();
    const found = {
      SQLite: { delta: ofLite("delta"), running: ofLite("running"), events: String(ofLite("events").length) },
      PostgreSQL: {
        delta: await ofShop("id, round, amount", "delta"),
        running: await ofShop("round, n, amount", "running"),
        events: (await ofShop("count(*)", "events")).join(),
      },
      Parquet: {
        delta: await ofFiles("id, round, amount", "delta"),
        running: await ofFiles("round, n, amount", "running"),
        events: (await ofFiles("count(*)", "events")).join(),
      },
    };
    for (const [system, tables] of Object.entries(found)) {
      // The numbers first: they say more than thousands of rows.
      equal(tables.delta.length, expected.delta.length, `${when}: rows of delta in ${system}`);
      deepEqual(tables, expected, `${when}: ${system}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.served[Symbol.asyncDispose]();
    await this.#database[Symbol.asyncDispose]();
  }
}

/** Runs `work` when the run's step has begun; false where the run ended before. */
async function whenBegun(
  served: Served,
  id: string,
  name: string,
  work: () => void | Promise<void>,
): Promise<boolean> {
  const left = new AbortController();
  const response = await served.server.request("GET", `/api/runs/${id}/events`, { signal: left.signal });
  let text = "";
  let isSeen = false;
  for await (const chunk of (response.body ?? fail("no events")).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (!new RegExp(`"name":"${name}","kind":"\\w+","state":"(running|succeeded)"`).test(text)) continue;
    isSeen = true;
    break;
  }
  if (isSeen) await work();
  left.abort();
  return isSeen;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function killProcess(pid: number | undefined): void {
  try {
    if (pid !== undefined) Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Waits for a random moment of the run: after some time, or shortly after a step has begun. */
async function awaitMoment(
  served: Served,
  id: string,
  durationMs: number,
  random: () => number,
): Promise<string> {
  if (random() < 0.3) {
    const waitMs = random() * durationMs;
    await pause(waitMs);
    return `${Math.round(waitMs)} ms after the request`;
  }
  const name = STEPS[Math.floor(random() * STEPS.length)] ?? "";
  const waitMs = random() * 25;
  await whenBegun(served, id, name, () => pause(waitMs).then(() => {}));
  return `${waitMs.toFixed(1)} ms into ${name}`;
}

async function firstRound(bench: Bench): Promise<number> {
  await bench.change();
  const { duration_ms } = await bench.served.succeed("once");
  await bench.check("undisturbed");
  return duration_ms ?? 0;
}

async function logOf(served: Served, run: RunDetail): Promise<string> {
  const lines = await served.server.call<LogLine[]>("GET", `/api/runs/${run.id}/logs`);
  return lines.map(({ step, message }) => `${step}: ${message}`).join("\n");
}

Deno.test("kill -9 of a run's process, up to twice a run: its retries load every row exactly once", async () => {
  const random = randomFrom(SEED);
  await using postgres = await acquirePostgres();
  await using bench = await Bench.start(postgres);
  const { served } = bench;
  const durationMs = await firstRound(bench);
  let killed = 0;
  for (let moment = 0; moment < MOMENTS; moment += 1) {
    await bench.change();
    const { id } = await served.server.trigger("once");
    let when = `seed ${SEED}, round ${bench.round}`;
    for (let kill = random() < 0.4 ? 2 : 1; kill > 0; kill -= 1) {
      when += `, killed ${await awaitMoment(served, id, durationMs, random)}`;
      killProcess(await served.server.runProcess());
    }
    const run = await served.server.ended(id, PATIENCE_MS);
    equal(run.state, "succeeded", `${when}: ${JSON.stringify(run.error)}\n${await logOf(served, run)}`);
    killed += run.attempt - 1;
    await bench.check(when);
  }
  ok(killed > 0, `no kill hit a run, seed ${SEED}`);
});

Deno.test("kill -9 of the server, or a stop: its next start takes the run up and loads every row exactly once", async () => {
  const random = randomFrom(SEED + 1);
  await using postgres = await acquirePostgres();
  await using bench = await Bench.start(postgres);
  const { served } = bench;
  const durationMs = await firstRound(bench);
  let taken = 0;
  for (let moment = 0; moment < MOMENTS; moment += 1) {
    await bench.change();
    const { id } = await served.server.trigger("once");
    // A stop in order must do no worse.
    const how = moment % 4 === 3 ? "stopped" : "killed";
    const at = await awaitMoment(served, id, durationMs, random);
    const when = `seed ${SEED}, round ${bench.round}, ${how} ${at}`;
    if (how === "stopped") await served.server.stop();
    else await served.server.kill();
    await served.startNext();
    const run = await served.server.ended(id, PATIENCE_MS);
    equal(run.state, "succeeded", `${when}: ${JSON.stringify(run.error)}\n${await logOf(served, run)}`);
    if (run.attempt > 1) taken += 1;
    await bench.check(when);
  }
  ok(taken > 0, `no kill hit a run, seed ${SEED}`);
});

Deno.test("a death between what a destination committed and the note of it: the load is known again and changes nothing", async () => {
  await using postgres = await acquirePostgres();
  await using bench = await Bench.start(postgres);
  const { served } = bench;
  await firstRound(bench);
  await bench.change();
  // The last load cannot be done: everything before it is.
  const way = join(served.project.projectDir, "out", "events");
  await Deno.rename(way, `${way}.away`);
  await Deno.writeTextFile(way, "in the way");
  const failed = await served.runToEnd("once");
  equal(failed.state, "failed");
  equal(step(failed, "load:events→files").state, "failed");
  const loads = failed.steps.filter(({ kind, state }) => kind === "load" && state === "succeeded");
  equal(loads.length, 8);

  await forgetLoads(join(served.project.dataDir, "warehouse", "once.duckdb"));
  await Deno.remove(way);
  await Deno.rename(`${way}.away`, way);
  await served.server.call<Run>("POST", `/api/runs/${failed.id}/retry`);
  const run = await served.server.ended(failed.id, PATIENCE_MS);
  equal(run.state, "succeeded", JSON.stringify(run.error));
  const log = await logOf(served, run);
  for (const { name, rows } of loads) {
    match(log, new RegExp(`${name}: The destination had this load`));
    const again = step(run, name);
    equal(again.attempt, run.attempt);
    equal(again.rows, rows, name);
  }
  equal(step(run, "extract:orders").attempt, 1);
  await bench.check("after the loads were tried again");
});

/** As if the process had died before it could write that its loads are done. */
async function forgetLoads(path: string): Promise<void> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  const folded = await connection.run("DELETE FROM _sluice.steps WHERE step LIKE 'load:%'");
  const noted = await connection.run(
    "DELETE FROM _sluice.journal WHERE kind = 'step' AND name LIKE 'load:%'",
  );
  ok(folded.rowsChanged + noted.rowsChanged > 0);
  connection.closeSync();
  instance.closeSync();
}

Deno.test("a process that was frozen while its server died wakes up beside the next server's: no row is loaded twice", async () => {
  await using postgres = await acquirePostgres();
  await using bench = await Bench.start(postgres);
  const { served } = bench;
  await firstRound(bench);
  for (const name of ["extract:orders", "load:delta→lite", "load:delta→shop", "load:delta→files"]) {
    await bench.change();
    const { id } = await served.server.trigger("once");
    const frozen = await freezeAt(served, id, name);
    try {
      await served.server.kill();
      await served.startNext();
      // The next attempt waits for the warehouse, which the frozen process still holds.
      await until(
        "the next attempt has a process",
        async () => await served.server.runProcess() !== undefined,
      );
    } finally {
      Deno.kill(frozen, "SIGCONT");
    }
    const run = await served.server.ended(id, PATIENCE_MS);
    equal(run.state, "succeeded", `frozen at ${name}: ${JSON.stringify(run.error)}`);
    equal(run.attempt, 2, `frozen at ${name}`);
    await until("the frozen process is gone", () => isGone(frozen));
    await bench.check(`frozen at ${name}`);
  }
});

async function freezeAt(served: Served, id: string, name: string): Promise<number> {
  const pid = await waitFor(() => served.server.runProcess(), PATIENCE_MS) ?? fail("no process came up");
  ok(await whenBegun(served, id, name, () => Deno.kill(pid, "SIGSTOP")), `${name} did not begin`);
  return pid;
}
