import { deepStrictEqual, equal, match, ok } from "node:assert/strict";
import { Hono } from "hono";
import type { AppEnv } from "../../../server/http/app_env.ts";
import type { Limits } from "../../../server/http/limits.ts";
import { HttpError } from "../../../server/http/problem.ts";
import { listen, type Listener } from "../../../server/http/listen.ts";
import { readServerCertificate } from "../../../server/http/tls/certificate.ts";
import { TestAuthority } from "../../support/certificates.ts";

/** What goes over the socket, byte for byte: what a client sends in any order and speed, and what comes back. */

/** Long for what should not happen, short for what is waited for. */
const NEVER_MS = 60_000;

const folder = await Deno.makeTempDir({ prefix: "sluice-wire-" });
const authority = await TestAuthority.create(folder);
const certificate = await readServerCertificate(await authority.issue({ name: "localhost" }));
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

type Scheme = "http" | "https";

/** The same of both: what holds for a connection holds for TLS over it. */
function wireTest(what: string, work: (scheme: Scheme) => Promise<void>): void {
  for (const scheme of ["http", "https"] as const) Deno.test(`${scheme}: ${what}`, () => work(scheme));
}

async function withListener(
  scheme: Scheme,
  app: Hono<AppEnv>,
  limits: Partial<Limits>,
  work: (listener: Listener) => Promise<void>,
): Promise<void> {
  const listener = await listen(app, {
    host: "127.0.0.1",
    port: 0,
    limits,
    ...(scheme === "http" ? {} : { tls: { certificate, minVersion: "1.2" } }),
  });
  try {
    await work(listener);
  } finally {
    await listener.shutdown(5_000);
  }
}

function connect({ url, port }: Listener): Promise<Deno.TcpConn | Deno.TlsConn> {
  return url.startsWith("https:")
    ? Deno.connectTls({ hostname: "localhost", port, caCerts: [authority.cert] })
    : Deno.connect({ hostname: "127.0.0.1", port });
}

/** Sends the text and reads until the server closes the connection. */
async function exchange(listener: Listener, text: string): Promise<string> {
  using connection = await connect(listener);
  const bytes = new TextEncoder().encode(text);
  // Who refuses a body closes before all of it has come.
  const sent = (async () => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  })().catch(() => {});
  let answer = "";
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await connection.read(buffer).catch((error) => {
      const { ConnectionReset, UnexpectedEof } = Deno.errors;
      if (error instanceof ConnectionReset || error instanceof UnexpectedEof) return null;
      throw error;
    });
    if (count === null) return await sent.then(() => answer);
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

wireTest("a text is sent with its length, a stream in chunks, and nothing has none", async (scheme) => {
  await withListener(scheme, echoApp(), {}, async (listener) => {
    const text = await exchange(listener, `GET /?a=1 HTTP/1.1\r\nHost: some.name:81\r\n${ASK}`);
    match(text, /^HTTP\/1\.1 200 .*\r\n/);
    match(text, /\r\ncontent-length: \d+\r\n/i);
    match(text, /\{"url":"https?:\/\/some\.name:81\/\?a=1","query":\{"a":"1"\}\}$/);
    const stream = await exchange(listener, `GET /stream HTTP/1.1\r\nHost: a\r\n${ASK}`);
    match(stream, /\r\ntransfer-encoding: chunked\r\n/i);
    match(stream, /4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n$/);
    const cookies = await exchange(listener, `GET /cookies HTTP/1.1\r\nHost: a\r\n${ASK}`);
    deepStrictEqual(cookies.match(/set-cookie: \S+/gi), ["set-cookie: a=1", "set-cookie: b=2"]);
    const head = await exchange(listener, `HEAD / HTTP/1.1\r\nHost: a\r\n${ASK}`);
    match(head, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n$/);
  });
});

wireTest("a request without Host, of HTTP/1.0 and in absolute form is served", async (scheme) => {
  await withListener(scheme, echoApp(), {}, async (listener) => {
    match(
      await exchange(listener, "GET / HTTP/1.0\r\n\r\n"),
      new RegExp(`${scheme}://127.0.0.1:${listener.port}/`),
    );
    match(
      await exchange(listener, `GET http://other/?b HTTP/1.1\r\nHost: a\r\n${ASK}`),
      new RegExp(`"url":"${scheme}://a/\\?b"`),
    );
  });
});

wireTest(
  "a Host header that is no host is a 400 with a reason, and no fault of the server",
  async (scheme) => {
    await withListener(scheme, echoApp(), {}, async (listener) => {
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
  },
);

wireTest("what is no HTTP or too large a header is refused and closed", async (scheme) => {
  await withListener(scheme, echoApp(), {}, async (listener) => {
    equal(statusOf(await exchange(listener, "GARBAGE\r\n\r\n")), 400);
    const large = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(100_000)}\r\n${ASK}`;
    equal(statusOf(await exchange(listener, large)), 431);
  });
});

wireTest("headers, bodies and connections that do not come on are cut", async (scheme) => {
  // A handshake has to be over in the time that headers have.
  const limits = { headersMs: scheme === "http" ? 50 : 500, requestMs: 600, idleMs: 50 };
  await withListener(scheme, echoApp(), limits, async (listener) => {
    equal(statusOf(await exchange(listener, "GET / HTTP/1.1\r\nHost: a\r\n")), 408);
    equal(statusOf(await exchange(listener, "")), 408);
    const body = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc";
    equal(statusOf(await exchange(listener, body)), 408);
    const kept = await exchange(listener, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    equal(statusOf(kept), 200, "it was closed after it had been idle");
  });
});

wireTest("a large body comes whole, and one that is refused unread still gets its answer", async (scheme) => {
  await withListener(scheme, echoApp(), {}, async (listener) => {
    const sent = crypto.getRandomValues(new Uint8Array(60_000));
    const body = new Blob(Array.from({ length: 50 }, () => sent));
    using client = Deno.createHttpClient({ caCerts: [authority.cert] });
    const address = `${scheme}://localhost:${listener.port}/echo`;
    // The compiler that editors use knows no `client`.
    const init: RequestInit & { readonly client: Deno.HttpClient } = { method: "POST", body, client };
    const response = await fetch(address, init);
    const back = new Uint8Array(await response.arrayBuffer());
    equal(back.byteLength, 3_000_000);
    deepStrictEqual(back.subarray(2_940_000), sent);
    const text = `POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n${"x".repeat(400_000)}`;
    const answer = await exchange(listener, text + "x".repeat(500_000));
    equal(statusOf(answer), 413);
    match(answer, /\r\nconnection: close\r\n/i);
  });
});

wireTest("a client that takes nothing of a response is cut, and the body is cancelled", async (scheme) => {
  const app = new Hono<AppEnv>();
  const cancelled = Promise.withResolvers<void>();
  app.get("/", () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(1_000_000)),
        cancel: () => cancelled.resolve(),
      }, { highWaterMark: 0 }),
    ));
  await withListener(scheme, app, { stallMs: 100 }, async (listener) => {
    using connection = await connect(listener);
    await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    await cancelled.promise;
  });
});

wireTest("a handler learns that its client has gone", async (scheme) => {
  const app = new Hono<AppEnv>();
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  app.get("/", async (c) => {
    c.env.signal?.addEventListener("abort", () => gone.resolve());
    asked.resolve();
    await gone.promise;
    return c.text("late");
  });
  await withListener(scheme, app, { headersMs: NEVER_MS }, async (listener) => {
    const connection = await connect(listener);
    await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    await asked.promise;
    connection.close();
    await gone.promise;
  });
});

wireTest(
  "a body that breaks off in the server cuts the response, so that no client takes it for whole",
  async (scheme) => {
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
    await withListener(scheme, app, {}, async (listener) => {
      const answer = await exchange(listener, `GET / HTTP/1.1\r\nHost: a\r\n${ASK}`);
      match(answer, /part\n/);
      ok(!answer.endsWith("0\r\n\r\n"), answer);
    });
  },
);

wireTest(
  "bodies that are held back take no more than their share, and leave room for small ones",
  async (scheme) => {
    const app = new Hono<AppEnv>();
    app.post("/", async (c) => c.json({ length: (await c.req.text()).length }));
    app.onError((error) =>
      new Response(error.message, { status: error instanceof HttpError ? error.status : 500 })
    );
    const KIB = 1_024;
    const post = (length: number) =>
      `POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${
        "a".repeat(length)
      }`;
    await withListener(
      scheme,
      app,
      { bodyBytes: 100 * KIB, bodyBytesPerAddress: 100 * KIB },
      async (listener) => {
        const slow = await connect(listener);
        const begun = post(200 * KIB).slice(0, -50 * KIB);
        for (let at = 0; at < begun.length; at += 16 * KIB) {
          await slow.write(new TextEncoder().encode(begun.slice(at, at + 16 * KIB)));
        }
        for (let turn = 0; turn < 20; turn++) await anotherTurn();
        equal(statusOf(await exchange(listener, post(150 * KIB))), 429);
        equal(statusOf(await exchange(listener, post(10 * KIB))), 200);
        slow.close();
        for (let tries = 0; tries < 100; tries++) {
          if (statusOf(await exchange(listener, post(150 * KIB))) === 200) return;
          await anotherTurn();
        }
        ok(false, "what a connection that has gone held is not given back");
      },
    );
  },
);
