import { batchesOf, connectorContext, never } from "../../support/connections.ts";
import assert from "node:assert/strict";
import * as v from "valibot";
import { postgres } from "../../../connectors/postgres/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import { PlaceBudget } from "../../../engine/worker/budget.ts";
import { rowsOf } from "../../support/arrow_rows.ts";
import { openPostgres, read, readAll, streamRequest, testContext } from "../../support/postgres_connector.ts";
import { acquirePostgres } from "../../support/postgres.ts";

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

async function rejectsOpen(url: string, code: string, message: RegExp, entry = {}): Promise<void> {
  await assert.rejects(openPostgres(url, entry), (error) => {
    assert(error instanceof AppError);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    const { password } = new URL(url);
    if (password !== "") assert(!JSON.stringify([error.message, error.detail]).includes(password));
    return true;
  });
}

Deno.test("open() names user and host of a wrong password, and never the password", async () => {
  const url = new URL(server.url);
  url.password = "wrong-horse-battery";
  await rejectsOpen(
    url.href,
    "unauthorized",
    new RegExp(`${server.user}@${server.host}:${server.port}/postgres`),
  );
  url.password = "";
  await rejectsOpen(url.href, "unauthorized", /wants a password and none is configured/);
});

Deno.test("open() names a server that cannot be reached, a database that is not there, a server without TLS", async () => {
  using closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  await rejectsOpen(
    `postgres://u:p4ssw0rd@127.0.0.1:${port}/db`,
    "unavailable",
    new RegExp(`u@127.0.0.1:${port}/db: connection refused`),
  );
  const url = new URL(server.url);
  url.pathname = "/nowhere";
  await rejectsOpen(url.href, "not_found", /database "nowhere" does not exist/);
  await rejectsOpen(server.url, "unavailable", /does not offer TLS/, { ssl: "require" });
});

Deno.test("open() gives up on a server that accepts and says nothing", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = silent.accept();
  const url = `postgres://u:p4ssw0rd@127.0.0.1:${silent.addr.port}/db`;
  await rejectsOpen(url, "unavailable", /no answer within 1 s/, { connect_timeout: 1 });
  (await accepted).close();
});

Deno.test("open() refuses a server that is not PostgreSQL", async () => {
  await using http = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("hello"),
  );
  await rejectsOpen(
    `postgres://u:p4ssw0rd@127.0.0.1:${http.addr.port}/db`,
    "unavailable",
    /not PostgreSQL|closed|reset/,
  );
});

Deno.test("open() reaches a database by separate keys and over TLS where the server prefers none", async () => {
  await using database = await server.createDatabase();
  const config = v.parse(postgres.configSchema, {
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    database: database.name,
    application_name: "night shift",
  });
  await using connection = await postgres.open(config, connectorContext("/nowhere"));
  assert(connection.source !== undefined);
  const [row] = await database.sql`
    SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'night shift'`;
  assert.equal(row?.n, 1);
});

Deno.test("a session that the server ends in the middle of a read fails the read with the server's words", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url, { application_name: "victim" });
  const query = "SELECT generate_series(1, 5000000) AS i, repeat('x', 100) AS t";
  let rows = 0;
  await assert.rejects(
    async () => {
      for await (const batch of read(connection, { query })) {
        if (rows === 0) {
          await database
            .sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'`;
        }
        rows += batch.numRows;
      }
    },
    (error) =>
      error instanceof AppError && error.code === "unavailable" &&
      /Cannot read the query/.test(error.message),
  );
  assert(rows > 0 && rows < 5_000_000);
  assert.equal((await readAll(connection, { query: "SELECT 1 AS one" })).length, 1);
});

Deno.test("a session that the server ends while nobody uses it is replaced by a new one", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url, { application_name: "idle" });
  const [ended] = await database.sql`
    SELECT pg_terminate_backend(pid, 10000) AS done FROM pg_stat_activity WHERE application_name = 'idle'`;
  assert.equal(ended?.done, true);
  assert.equal((await readAll(connection, { query: "SELECT 1 AS one" })).length, 1);
});

Deno.test("a connection opens no more sessions than its budget has places, and gives the places back", async () => {
  await using database = await server.createDatabase();
  const budget = new PlaceBudget(2);
  const config = v.parse(postgres.configSchema, { url: database.url, application_name: "frugal" });
  await using connection = await postgres.open(config, { ...testContext(), budget });
  const { source } = connection;
  assert(source !== undefined);
  const query = "SELECT count(*)::integer AS n FROM pg_stat_activity WHERE application_name = 'frugal'";
  const streams = [streamRequest({ query })];
  const count = async (signal = never()) =>
    Number(rowsOf(await Array.fromAsync(batchesOf(source.read({ streams }, signal))))[0]?.[0]);
  const counts = await Promise.all(Array.from({ length: 6 }, () => count()));
  assert(counts.every((sessions) => sessions <= 2), String(counts));
  const places = [await budget.acquire(never()), await budget.acquire(never())];
  const controller = new AbortController();
  const waits = count(controller.signal);
  controller.abort(new AppError("cancelled", "a person cancelled the run"));
  await assert.rejects(waits, { code: "cancelled", message: "a person cancelled the run" });
  for (const place of places) place[Symbol.dispose]();
  assert.equal(await count(), 1);
});
