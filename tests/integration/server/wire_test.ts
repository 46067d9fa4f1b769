import { deepStrictEqual, equal, match, ok } from "node:assert/strict";
import { Hono } from "hono";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { type Limits, listen, type Listener } from "../../../server/http/listen.ts";

/** What goes over the socket, byte for byte: what a client sends in any order and speed, and what comes back. */

/** Long for what should not happen, short for what is waited for. */
const NEVER_MS = 60_000;

async function withListener(
  app: Hono<AppEnv>,
  limits: Partial<Limits>,
  work: (listener: Listener) => Promise<void>,
): Promise<void> {
  const listener = await listen(app, { host: "127.0.0.1", port: 0, limits });
  try {
    await work(listener);
  } finally {
    await listener.shutdown(5_000);
  }
}

/** Sends the text and reads until the server closes the connection. */
async function exchange({ port }: Listener, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  let answer = "";
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await connection.read(buffer).catch((error) => {
      if (error instanceof Deno.errors.ConnectionReset) return null;
      throw error;
    });
    if (count === null) return answer;
    answer += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

/** Lets the event loop go round, as anything that is read from a disk or socket does. */
const anotherTurn = () => new Promise((resolve) => setTimeout(resolve));

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

function echoApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get("/", (c) => c.json({ url: c.req.url, query: c.req.query() }));
  app.get("/cookies", () => {
    const headers = new Headers();
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    return new Response(null, { status: 204, headers });
  });
  app.get("/stream", () => {
    const parts = ["one\n", "two\n"];
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await anotherTurn();
          const part = parts.shift();
          if (part === undefined) controller.close();
          else controller.enqueue(new TextEncoder().encode(part));
        },
      }, { highWaterMark: 0 }),
    );
  });
  app.post("/echo", async (c) => c.body(await c.req.arrayBuffer()));
  app.post("/refuse", (c) => c.text("no", 413));
  return app;
}

const ASK = "Connection: close\r\n\r\n";

Deno.test("a text is sent with its length, a stream in chunks, and nothing has none", async () => {
  await withListener(echoApp(), {}, async (listener) => {
    const text = await exchange(listener, `GET /?a=1 HTTP/1.1\r\nHost: some.name:80\r\n${ASK}`);
    match(text, /^HTTP\/1\.1 200 .*\r\n/);
    match(text, /\r\ncontent-length: \d+\r\n/i);
    match(text, /\{"url":"http:\/\/some\.name\/\?a=1","query":\{"a":"1"\}\}$/);
    const stream = await exchange(listener, `GET /stream HTTP/1.1\r\nHost: a\r\n${ASK}`);
    match(stream, /\r\ntransfer-encoding: chunked\r\n/i);
    match(stream, /4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n$/);
    const cookies = await exchange(listener, `GET /cookies HTTP/1.1\r\nHost: a\r\n${ASK}`);
    deepStrictEqual(cookies.match(/set-cookie: \S+/gi), ["set-cookie: a=1", "set-cookie: b=2"]);
    const head = await exchange(listener, `HEAD / HTTP/1.1\r\nHost: a\r\n${ASK}`);
    match(head, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n$/);
  });
});

Deno.test("a request without Host, of HTTP/1.0 and in absolute form is served", async () => {
  await withListener(echoApp(), {}, async (listener) => {
    match(
      await exchange(listener, "GET / HTTP/1.0\r\n\r\n"),
      new RegExp(`http://127.0.0.1:${listener.port}/`),
    );
    match(
      await exchange(listener, `GET http://other/?b HTTP/1.1\r\nHost: a\r\n${ASK}`),
      /"url":"http:\/\/a\/\?b"/,
    );
  });
});

Deno.test("a Host header that is no host is a 400 with a reason, and no fault of the server", async () => {
  await withListener(echoApp(), {}, async (listener) => {
    for (
      const host of ["a b", "a[", "http://a", "a/b", "[::1", "a:b", "a:999999", "a\u00e9", "%00", "a@b", ""]
    ) {
      const answer = await exchange(listener, `GET / HTTP/1.1\r\nHost: ${host}\r\n${ASK}`);
      equal(statusOf(answer), 400, JSON.stringify(host));
      match(answer, /application\/problem\+json/, host);
      ok(!/at (?:file|async)|TypeError/.test(answer), answer);
    }
    equal(statusOf(await exchange(listener, `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n${ASK}`)), 400);
    equal(statusOf(await exchange(listener, `GET / HTTP/1.1\r\n${ASK}`)), 400);
    equal(statusOf(await exchange(listener, `TRACE / HTTP/1.1\r\nHost: a\r\n${ASK}`)), 501);
    for (const host of ["a", "a.b:80", "127.0.0.1", "[::1]:8080", "under_score"]) {
      equal(statusOf(await exchange(listener, `GET / HTTP/1.1\r\nHost: ${host}\r\n${ASK}`)), 200, host);
    }
  });
});

Deno.test("what is no HTTP or too large a header is refused and closed", async () => {
  await withListener(echoApp(), {}, async (listener) => {
    equal(statusOf(await exchange(listener, "GARBAGE\r\n\r\n")), 400);
    const large = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(100_000)}\r\n${ASK}`;
    equal(statusOf(await exchange(listener, large)), 431);
  });
});

Deno.test("headers, bodies and connections that do not come on are cut", async () => {
  const limits = { headersMs: 50, requestMs: 100, idleMs: 50 };
  await withListener(echoApp(), limits, async (listener) => {
    equal(statusOf(await exchange(listener, "GET / HTTP/1.1\r\nHost: a\r\n")), 408);
    equal(statusOf(await exchange(listener, "")), 408);
    const body = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc";
    equal(statusOf(await exchange(listener, body)), 408);
    const kept = await exchange(listener, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    equal(statusOf(kept), 200, "it was closed after it had been idle");
  });
});

Deno.test("a large body comes whole, and one that is refused unread still gets its answer", async () => {
  await withListener(echoApp(), {}, async (listener) => {
    const sent = crypto.getRandomValues(new Uint8Array(60_000));
    const body = new Blob(Array.from({ length: 50 }, () => sent));
    const response = await fetch(`${listener.url}/echo`, { method: "POST", body });
    const back = new Uint8Array(await response.arrayBuffer());
    equal(back.byteLength, 3_000_000);
    deepStrictEqual(back.subarray(2_940_000), sent);
    const text = `POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n${"x".repeat(400_000)}`;
    const answer = await exchange(listener, text + "x".repeat(500_000));
    equal(statusOf(answer), 413);
    match(answer, /\r\nconnection: close\r\n/i);
  });
});

Deno.test("a client that takes nothing of a response is cut, and the body is cancelled", async () => {
  const app = new Hono<AppEnv>();
  const cancelled = Promise.withResolvers<void>();
  app.get("/", () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(1_000_000)),
        cancel: () => cancelled.resolve(),
      }, { highWaterMark: 0 }),
    ));
  await withListener(app, { stallMs: 100 }, async (listener) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
    await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    await cancelled.promise;
  });
});

Deno.test("a handler learns that its client has gone", async () => {
  const app = new Hono<AppEnv>();
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  app.get("/", async (c) => {
    c.env.signal?.addEventListener("abort", () => gone.resolve());
    asked.resolve();
    await gone.promise;
    return c.text("late");
  });
  await withListener(app, { headersMs: NEVER_MS }, async (listener) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
    await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    await asked.promise;
    connection.close();
    await gone.promise;
  });
});

Deno.test("a body that breaks off in the server cuts the response, so that no client takes it for whole", async () => {
  const app = new Hono<AppEnv>();
  let parts = 0;
  app.get("/", () =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          await anotherTurn();
          if (parts++ === 2) throw new Error("broken");
          controller.enqueue(new TextEncoder().encode("part\n"));
        },
      }, { highWaterMark: 0 }),
    ));
  await withListener(app, {}, async (listener) => {
    const answer = await exchange(listener, `GET / HTTP/1.1\r\nHost: a\r\n${ASK}`);
    match(answer, /part\n/);
    ok(!answer.endsWith("0\r\n\r\n"), answer);
  });
});
