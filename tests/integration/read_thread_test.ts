import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { ReadMessage, StreamRequest } from "../../contract/connector/source.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import { readInThread } from "../../engine/worker/read_thread/threaded_read.ts";
import { threadedSource } from "../../engine/worker/read_thread/threaded_source.ts";
import { PlaceBudget } from "../../engine/worker/budget.ts";
import { rowsOf } from "../support/arrow_rows.ts";
import { never } from "../support/connections.ts";
import { acquirePostgres, type TestDatabase } from "../support/postgres.ts";
import { openPostgres, streamRequest } from "../support/postgres_connector.ts";

const PROGRAM = new URL("../../engine/worker/read_thread/main.ts", import.meta.url);

const optionsFor = ({ url }: TestDatabase) => ({
  program: PROGRAM,
  name: "shop",
  resolve: () => Promise.resolve({ type: "postgres", config: { url, ssl: "disable" } }),
  projectDir: "/nowhere",
  scratchDir: "/nowhere",
  log: () => {},
});

const inThread = (database: TestDatabase, stream: StreamRequest, signal = never()) =>
  readInThread(optionsFor(database), { streams: [stream] }, signal);

async function cellsOf(messages: AsyncIterable<ReadMessage>): Promise<string[]> {
  const found: string[] = [];
  for await (const message of messages) {
    if (message.type !== "rows") continue;
    found.push(message.batch.schema.toString());
    for (const row of rowsOf([message.batch])) found.push(row.map(String).join("|"));
  }
  return found;
}

Deno.test("a thread gives what the source gives: every type, NULLs, batches of many rows, none", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  for (
    const query of [
      `SELECT g AS id, CASE WHEN g % 3 > 0 THEN 'text ' || g END AS t, (g / 7.0)::numeric(12,3) AS n, g % 2 = 0 AS b,
         ARRAY[g, NULL, g + 1] AS a, date '2020-01-01' + g AS d, now() AS z, md5(g::text)::uuid AS u,
         decode(md5(g::text), 'hex') AS x, make_interval(days => g) AS i FROM generate_series(1, 40000) AS g`,
      "SELECT 1 AS one, 'x' AS t WHERE false",
    ]
  ) {
    const stream = streamRequest({
      query: query.replace("now()", "timestamptz '2024-02-29 12:00:00.123456+01'"),
    });
    const expected = await cellsOf(connection.source.read({ streams: [stream] }, never()));
    deepEqual(await cellsOf(inThread(database, stream)), expected);
  }
});

Deno.test("an error in the middle of a threaded read is the source's own error", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const stream = streamRequest({ query: "SELECT 1 / (g - 90000) AS x FROM generate_series(1, 200000) AS g" });
  const failureOf = async (messages: AsyncIterable<ReadMessage>) => {
    try {
      await cellsOf(messages);
    } catch (error) {
      return toAppError(error);
    }
  };
  const expected = await failureOf(connection.source.read({ streams: [stream] }, never()));
  const found = await failureOf(inThread(database, stream));
  match(found?.message ?? "", /division by zero/);
  deepEqual([found?.code, found?.message, found?.detail], [
    expected?.code,
    expected?.message,
    expected?.detail,
  ]);
});

Deno.test("an abort, or nobody reading any more, ends the query at the server", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  const stream = streamRequest({
    query: "SELECT generate_series(1, 1000000000) AS a_stream_to_stop",
  });
  const running = async () => {
    const rows = await database.sql.unsafe(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'COPY%a_stream_to_stop%' AND state = 'active'`,
    );
    return rows[0]?.["n"];
  };
  const gone = async () => {
    for (let tries = 0; tries < 200 && await running() !== 0; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return await running() === 0;
  };
  const stop = new AbortController();
  await rejects(
    async () => {
      for await (const message of inThread(database, stream, stop.signal)) {
        if (message.type === "rows") stop.abort(new AppError("cancelled", "enough"));
      }
    },
    (error) => error instanceof AppError && error.code === "cancelled" && error.message === "enough",
  );
  ok(await gone());
  for await (const _ of inThread(database, stream)) break;
  ok(await gone());
});

Deno.test("only a read that is large, and a connector with a place to spare, takes a thread", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe("CREATE TABLE small AS SELECT 1 AS n");
  await database.sql.unsafe("CREATE TABLE large AS SELECT n FROM generate_series(1, 150000) AS n; ANALYZE");
  await using connection = await openPostgres(database.url);
  const { source } = connection;
  equal(await source.estimateRows?.(streamRequest({ stream: "large" }), never()), 150_000);
  const cursor = { column: "n", value: "149990", type: "INTEGER" };
  ok((await source.estimateRows?.(streamRequest({ stream: "large" }, {}, cursor), never()) ?? 0) < 5_000);
  equal(threadedSource(source, new PlaceBudget(1), optionsFor(database)), source);
  // A program that is not there tells whether a thread was begun.
  const broken = { ...optionsFor(database), program: new URL("./no_such_program.ts", import.meta.url) };
  const threaded = threadedSource(source, new PlaceBudget(2), broken);
  equal((await cellsOf(threaded.read({ streams: [streamRequest({ stream: "small" })] }, never()))).length, 2);
  await rejects(
    cellsOf(threaded.read({ streams: [streamRequest({ stream: "large" })] }, never())),
    /thread that reads has failed/,
  );
});
