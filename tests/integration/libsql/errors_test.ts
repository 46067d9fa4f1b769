import { deepStrictEqual, equal, match, ok } from "node:assert/strict";
import { HranaStream } from "../../../connectors/libsql/hrana/client.ts";
import { type Clock, systemClock } from "../../../contract/clock.ts";
import { startRelay } from "../../support/http_relay.ts";
import { failureOf } from "../../conformance/bench.ts";
import { makeTokenKeys, startSqld } from "../../support/sqld.ts";
import { connect, countOf, load, read } from "./bench.ts";

/** What goes wrong, and what the error says: with its code a run decides whether it is tried again. */

Deno.test("tokens: none, a wrong one and one that is over are unauthorized, one to read may not write", async () => {
  const keys = await makeTokenKeys();
  await using server = await startSqld({ tokenKey: keys.publicKey });
  const writer = await keys.sign({ a: "rw" });
  const wrong = await (await makeTokenKeys()).sign({ a: "rw" });
  const over = await keys.sign({ a: "rw", exp: 1_000_000_000 });
  const { url } = server;
  for (
    const [config, token] of [[{ url }, ""], [{ url, auth_token: wrong }, wrong], [
      { url, auth_token: over },
      over,
    ]] as const
  ) {
    const error = await failureOf(() => connect(config));
    equal(error.code, "unauthorized");
    match(
      error.message,
      /^Cannot connect to it: 127\.0\.0\.1:\d+ does not accept the auth_token \(.*\); make a new one$/,
    );
    ok(token === "" || !`${error.message} ${error.detail} ${error.stack}`.includes(token));
  }
  await using connection = await connect({ url, auth_token: writer });
  await load(connection, "SELECT 1 AS id", { loadId: "first", mode: "append" });
  await using reading = await connect({ url, auth_token: await keys.sign({ a: "ro" }) });
  equal(countOf(await read(reading, { stream: "t" })), 1);
  const error = await failureOf(() => load(reading, "SELECT 2 AS id", { loadId: "second", mode: "append" }));
  ok(["forbidden", "unauthorized"].includes(error.code), error.code);
  match(error.message, /^Cannot load into t of it: /);
  equal(countOf(await read(connection, { stream: "t" })), 1);
});

Deno.test("a host where nobody listens is unavailable, and what is no libSQL server is said to be none", async () => {
  const closed = await failureOf(() => connect({ url: "http://127.0.0.1:1" }));
  equal(closed.code, "unavailable");
  match(closed.message, /^Cannot connect to it: 127\.0\.0\.1:1 cannot be reached, or went away/);
  const answers: [Response, string, RegExp][] = [
    [new Response("<html>Welcome</html>"), "invalid", /is not what a libSQL server says/],
    [
      new Response("<html>Not found</html>", { status: 404 }),
      "not_found",
      /has no such database \(HTTP status 404\); check the url/,
    ],
    [
      Response.json({ error: "Namespace `x` doesn't exist" }, { status: 404 }),
      "not_found",
      /Namespace `x` doesn't exist/,
    ],
    [
      new Response(null, { status: 308, headers: { location: "http://other/" } }),
      "invalid",
      /use that one as the url/,
    ],
    [new Response("bad gateway", { status: 502 }), "unavailable", /failed \(bad gateway\)/],
    [new Response(new Uint8Array([0x1a, 0xff, 0xff])), "invalid", /is not what a libSQL server says/],
  ];
  for (const [answer, code, message] of answers) {
    await using relay = startRelay("", () => answer);
    const error = await failureOf(() => connect({ url: relay.url }));
    equal(error.code, code, error.message);
    match(error.message, message);
  }
});

Deno.test("requests that the server takes later are sent again as it says, and at last given up", async () => {
  await using server = await startSqld();
  await server.query("CREATE TABLE t (id INTEGER)", "INSERT INTO t VALUES (1)");
  let refusals = 3;
  await using relay = startRelay(server.url, async (_request, pass) => {
    if (refusals === 0) return await pass();
    refusals--;
    return new Response("slow down", { status: 429, headers: { "retry-after": "7" } });
  });
  const waits: number[] = [];
  const clock: Clock = { now: () => 0, sleep: (waitMs) => Promise.resolve(void waits.push(waitMs)) };
  await using connection = await connect({ url: relay.url }, { clock });
  deepStrictEqual(waits, [7_000, 7_000, 7_000]);
  equal(countOf(await read(connection, { stream: "t" })), 1);
  refusals = Infinity;
  const error = await failureOf(() => read(connection, { stream: "t" }));
  equal(error.code, "unavailable");
  match(error.message, /takes no more requests now/);
});

Deno.test("a stream that the server has forgotten is unavailable, and one that is sent elsewhere is refused", async () => {
  await using server = await startSqld();
  await server.query("CREATE TABLE t (id INTEGER)", "INSERT INTO t VALUES (1)");
  let restarts = true;
  await using relay = startRelay(server.url, async ({ path }, pass) => {
    if (path.endsWith("/cursor") && restarts) {
      restarts = false;
      await server.kill();
      await server.restart();
    }
    return await pass();
  });
  await using connection = await connect({ url: relay.url });
  const error = await failureOf(() => read(connection, { stream: "t" }));
  equal(error.code, "unavailable");
  match(error.message, /does not know the stream any more/);
  equal(countOf(await read(connection, { stream: "t" })), 1);
  await using other = await startSqld({ args: ["--http-self-url", "http://other.example:8080"] });
  const sent = await failureOf(() => connect({ url: other.url }));
  equal(sent.code, "invalid");
  match(sent.message, /sends the stream on to other\.example:8080; use that as the url/);
});

Deno.test("a transaction whose stream the server closes is over, and nothing is done outside of it", async () => {
  await using server = await startSqld();
  await using plain = await connect({ url: server.url });
  await load(plain, "SELECT 1 AS id", { loadId: "first", mode: "append" });
  let isArmed = false;
  await using relay = startRelay(server.url, async ({ text }, pass) => {
    const bytes = await (await pass()).bytes();
    // The baton is the first field of an answer; without it, the stream is closed.
    const isCut = isArmed && text.includes("BEGIN IMMEDIATE") && text.includes("foreign_keys");
    return new Response(isCut && bytes[0] === 0x0a ? bytes.subarray(2 + (bytes[1] ?? 0)) : bytes);
  });
  await using connection = await connect({ url: relay.url });
  const error = await failureOf(() =>
    load(connection, "SELECT 2 AS id", {
      loadId: "second",
      mode: "replace",
      whileSending: () => Promise.resolve(void (isArmed = true)),
    })
  );
  equal(error.code, "unavailable");
  match(error.message, /does not know the stream any more/);
  deepStrictEqual(await server.query("SELECT id FROM t"), [["1"]]);
});

Deno.test("writes that the server blocks are forbidden, with its reason", async () => {
  const port = freePort();
  await using server = await startSqld({ args: ["--admin-listen-addr", `127.0.0.1:${port}`] });
  await using connection = await connect({ url: server.url });
  await load(connection, "SELECT 1 AS id", { loadId: "first", mode: "append" });
  const blocked = await fetch(`http://127.0.0.1:${port}/v1/namespaces/default/config`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      block_reads: false,
      block_writes: true,
      block_reason: "the plan's rows are used up",
    }),
  });
  await blocked.body?.cancel();
  const error = await failureOf(() =>
    load(connection, "SELECT 2 AS id", { loadId: "second", mode: "append" })
  );
  equal(error.code, "forbidden");
  match(error.message, /^Cannot load into t of it: Operation was blocked: the plan's rows are used up/);
  equal(countOf(await read(connection, { stream: "t" })), 1);
});

Deno.test("a server that gives no answer is given up after a while", async () => {
  await using server = await startSqld();
  const answers = Promise.withResolvers<void>();
  await using relay = startRelay(server.url, async (_request, pass) => {
    await answers.promise;
    return await pass();
  });
  const stream = new HranaStream(
    { url: relay.url, shown: "it", authToken: undefined, clock: systemClock },
    new AbortController().signal,
  );
  const select = () => stream.executeAll("look", [{ sql: "SELECT 1" }], { withinMs: 50 });
  const error = await failureOf(select);
  equal(error.code, "unavailable");
  match(error.message, /^Cannot look: it gave no answer within 0\.05 seconds/);
  answers.resolve();
  match((await failureOf(select)).message, /does not know the stream any more/);
});

Deno.test("a table that is not there is not_found, with those that are; statements say what SQLite says", async () => {
  await using server = await startSqld();
  await server.query("CREATE TABLE orders (id INTEGER)");
  await using connection = await connect({ url: server.url });
  const missing = await failureOf(() => read(connection, { stream: "order" }));
  equal(missing.code, "not_found");
  match(missing.message, /^Cannot read table "order": it does not exist; there are orders$/);
  const wrong = await failureOf(() => read(connection, { query: "SELECT nope FROM orders" }));
  equal(wrong.code, "invalid");
  match(wrong.message, /no such column: nope/);
});

Deno.test("a transaction that another writer waits for too long is unavailable, and changes nothing", async () => {
  await using server = await startSqld();
  let isArmed = false;
  await using relay = startRelay(server.url, async ({ text }, pass) => {
    const isLast = isArmed && text.includes("COMMIT") && !text.includes("BEGIN");
    // Another writer waits until the server ends the transaction that is open now, and writes then.
    if (isLast) await server.query("INSERT INTO t VALUES (7)");
    return await pass();
  });
  await using connection = await connect({ url: relay.url });
  await load(connection, "SELECT 1 AS id", { loadId: "first", mode: "append" });
  const error = await failureOf(() =>
    load(connection, "SELECT 2 AS id", {
      loadId: "second",
      mode: "append",
      whileSending: () => Promise.resolve(void (isArmed = true)),
    })
  );
  equal(error.code, "unavailable");
  match(error.message, /the server ended the transaction, which another writer waited for too long/);
  deepStrictEqual(await server.query("SELECT id FROM t ORDER BY id"), [["1"], ["7"]]);
});

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
