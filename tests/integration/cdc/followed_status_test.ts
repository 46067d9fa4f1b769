import { deepEqual, equal, match, ok } from "node:assert/strict";
import * as v from "valibot";
import { postgres } from "../../../connectors/postgres/connector.ts";
import { systemClock } from "../../../contract/clock.ts";
import type { ConnectionCheck } from "../../../contract/discovery.ts";
import { PlaceBudget } from "../../../engine/worker/budget.ts";
import type { FollowedView } from "../../../contract/connector/followed.ts";
import type { PipelineDetail, PipelineSummary } from "../../../contract/run.ts";
import { FollowedProject } from "../../support/followed_project.ts";
import { lookAtFollower } from "../../support/look_at_follower.ts";
import { acquirePostgres, type TestDatabase } from "../../support/postgres.ts";
import { Served, step } from "../../support/served_project.ts";

/** How far streams are that follow a log, and what their server keeps for them, as people and programs see it. */

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const CONNECTORS = 'shop: { type: postgres, url: "${env:SHOP_URL}", ssl: disable }\n';
const OPTIONS = "options: { max_retained_wal: 1MB }";
const PIPELINE = `
extract:
  orders: { connector: shop, stream: orders, mode: cdc, ${OPTIONS} }
  items: { connector: shop, stream: items, mode: cdc, ${OPTIONS} }
`;
const TABLES = `CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1);
  CREATE TABLE items (id int PRIMARY KEY)`;

async function withDatabase(work: (database: TestDatabase) => Promise<void>): Promise<void> {
  await using database = await server.createDatabase();
  await database.sql.unsafe(TABLES);
  await work(database);
}

/** Three megabytes, written out: the tests' server leaves what is committed in its memory for a while. */
async function fillLog({ sql }: TestDatabase): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`SET LOCAL synchronous_commit = on`;
    for (let i = 0; i < 3; i += 1) {
      await tx`SELECT pg_logical_emit_message(true, 'filler', repeat('x', 1000000))`;
    }
  });
}

Deno.test("position, lag and what the server keeps are shown after each run, and a warning where that is much", () =>
  withDatabase(async (database) => {
    const { sql } = database;
    await using served = await Served.start(
      { "connectors.yaml": CONNECTORS, "pipelines/live.yaml": PIPELINE },
      { SHOP_URL: database.url },
    );
    const followed = async (): Promise<FollowedView> => {
      const { followed: [view] } = await served.server.call<PipelineDetail>("GET", "/api/pipelines/live");
      ok(view !== undefined);
      return view;
    };
    deepEqual((await served.server.call<PipelineDetail>("GET", "/api/pipelines/live")).followed, []);
    await served.succeed("live");
    const first = await followed();
    equal(first.connector, "shop");
    match(first.position ?? "", /^[0-9A-F]+\/[0-9A-F]+$/);
    ok(first.caught_up && first.lag_seconds !== null && first.lag_seconds < 600);
    ok(first.behind_bytes !== null && first.retained_bytes !== null);
    deepEqual(first.streams.map(({ stream, last_change_at, error }) => [stream, last_change_at, error]), [
      ["orders", null, null],
      ["items", null, null],
    ]);
    await sql`INSERT INTO orders VALUES (2)`;
    await fillLog(database);
    const run = await served.succeed("live");
    equal(step(run, "extract:orders").state, "warned");
    deepEqual([run.warnings, run.rows_extracted], [1, 1]);
    const log = await served.server.call<{ message: string; level: string }[]>(
      "GET",
      `/api/runs/${run.id}/logs`,
    );
    const [, kept] =
      /slot sluice_live_shop_\w+ made the server keep ([\d.]+) MB of its log, more than max_retained_wal \(1MB\)/
        .exec(log.filter(({ level }) => level === "warn").map(({ message }) => message).join("\n")) ?? [];
    // What other tests write into the server's log is kept with it.
    ok(Number(kept) >= 3, kept);
    const second = await followed();
    ok((second.position ?? "") !== first.position);
    ok(Date.now() - Date.parse(second.streams[0]?.last_change_at ?? "") < 600_000);
    equal(second.streams[1]?.last_change_at, null);
    const shown = await served.project.sluice("show", ["live"]);
    match(shown.stdout, /follows +shop, caught up/, shown.stderr);
    match(shown.stdout, new RegExp(`position +${second.position}`));
    match(shown.stdout, /log kept +\d/);
    const json = JSON.parse((await served.project.sluice("show", ["live", "--json"])).stdout);
    equal(json.followed[0].position, second.position);
    await sql`DROP TABLE items`;
    const failed = await served.runToEnd("live");
    equal(failed.state, "failed");
    equal(step(failed, "extract:orders").state === "failed", false);
    const third = await followed();
    equal(third.caught_up, false);
    equal(third.streams[0]?.error, null);
    match(third.streams[1]?.error ?? "", /there is no table public\.items/);
    const [summary] = await served.server.call<PipelineSummary[]>("GET", "/api/pipelines");
    deepEqual(summary?.warnings, third.warning === null ? [] : [third.warning]);
  }));

Deno.test("a server is asked what it keeps for a pipeline that does not run", () =>
  withDatabase(async (database) => {
    await using project = await FollowedProject.create(database.url);
    const definition = { stream: "orders", mode: "cdc", options: { max_retained_wal: "1MB" } };
    const { followed } = await project.run({ orders: definition });
    const before = followed.at(-1);
    // Other tests write the server's log, too: it may be behind already.
    ok(before !== undefined);
    await fillLog(database);
    const kept = await lookAtFollower(project, database.url, before, definition);
    ok((kept?.retainedBytes ?? 0) > 3_000_000);
    match(
      kept?.warning ?? "",
      /slot sluice_p_shop_\w+ made the server keep .* run its pipeline.*pg_drop_replication_slot/,
    );
    equal(await lookAtFollower(project, database.url, { ...before, token: "00000000" }, definition), null);
    const checks = await testConnector(database);
    match(
      checks.find(({ name }) => name === "replication slots")?.message ?? "",
      /idle, and little of the log is kept for them: sluice_p_shop_\w+ \(\d+(\.\d+)? MB\)/,
    );
  }));

async function testConnector({ url }: TestDatabase): Promise<readonly ConnectionCheck[]> {
  const config = v.parse(postgres.configSchema, { url, ssl: "disable" });
  await using connection = await postgres.open(config, {
    name: "shop",
    projectDir: "/",
    signal: new AbortController().signal,
    clock: systemClock,
    budget: new PlaceBudget(2),
    openDuckdb: () => Promise.reject(new Error("no files are read")),
    scratchDir: "/",
    log: () => {},
    secret: (name) => Promise.reject(new Error(`there is no secret ${name}`)),
    wayOut: (host) => Promise.reject(new Error(`there is no way to ${host}`)),
    turn: () => Promise.resolve(),
    accessToken: () => Promise.reject(new Error("there is no token")),
    hold: () => {},
    sandbox: undefined,
    script: () => "",
    posted: () => Promise.resolve(undefined),
    memoryOf: () => Promise.resolve(null),
  });
  return await connection.test?.(new AbortController().signal) ?? [];
}
