import assert from "node:assert/strict";
import { AppError, type ErrorCode } from "../../../contract/errors.ts";
import { listen } from "../../../server/http/listen.ts";
import { createFakeProject, RUN_IDS } from "../../support/fake_project.ts";
import { PageServer } from "../../support/page_server.ts";
import { Hono } from "hono";
import type { AppEnv } from "../../../server/http/app_env.ts";

const RUN = RUN_IDS.running;
const DEADLINE_MS = 120_000;

/** Polls until the condition holds. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

class EventReader {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(response: Response) {
    assert.equal(response.status, 200);
    assert.ok(response.body);
    this.#reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** All that came until `mark` did, or until the end where `mark` is undefined. */
  async readTo(mark?: string): Promise<string> {
    while (mark === undefined || !this.#text.includes(mark)) {
      const { done, value } = await this.#reader.read();
      if (done) {
        assert.equal(mark, undefined, `the stream ended before "${mark}": ${this.#text}`);
        break;
      }
      this.#text += value;
    }
    return this.#text;
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

const fails = (code: ErrorCode, ...words: string[]) => (error: unknown) => {
  assert.ok(error instanceof AppError, String(error));
  assert.equal(error.code, code, error.message);
  for (const word of words) assert.ok(error.message.includes(word), error.message);
  return true;
};

function helloApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get("/", (c) => c.text(c.env.remoteAddress ?? ""));
  return app;
}

Deno.test("listen() picks a free port for 0, says where it is, and tells the client's address", async () => {
  const listener = await listen(helloApp(), { host: "127.0.0.1", port: 0 });
  assert.ok(listener.port > 0);
  assert.equal(listener.url, `http://127.0.0.1:${listener.port}`);
  assert.equal(await (await fetch(listener.url)).text(), "127.0.0.1");
  await listener.shutdown(1_000);
  await assert.rejects(fetch(listener.url));
});

Deno.test("listen() on every address gives an url of this machine", async () => {
  const listener = await listen(helloApp(), { host: "0.0.0.0", port: 0 });
  assert.equal(listener.url, `http://127.0.0.1:${listener.port}`);
  assert.equal(await fetch(listener.url).then((response) => response.text()), "127.0.0.1");
  await listener.shutdown(1_000);
});

Deno.test("listen() names a port in use and says what to do", async () => {
  const first = await listen(helloApp(), { host: "127.0.0.1", port: 0 });
  try {
    await assert.rejects(
      listen(helloApp(), { host: "127.0.0.1", port: first.port }),
      fails("conflict", `127.0.0.1:${first.port}`, "in use", "--port"),
    );
  } finally {
    await first.shutdown(1_000);
  }
  await (await listen(helloApp(), { host: "127.0.0.1", port: first.port })).shutdown(1_000);
});

Deno.test("listen() refuses a host that is not this machine's", async () => {
  for (const host of ["192.0.2.1", "no such host", "999.1.1.1"]) {
    await assert.rejects(listen(helloApp(), { host, port: 0 }), fails("invalid", host));
  }
});

Deno.test("events reach a client as they happen and end with the run", async () => {
  const engine = createFakeProject();
  await using server = await PageServer.start(engine);
  const events = new EventReader(
    await fetch(`${server.url}/api/runs/${RUN}/events`, {
      headers: { authorization: `Bearer ${server.tokens.viewer}` },
    }),
  );
  await events.readTo("id: 2\n");
  engine.addLog(RUN, { message: "live" });
  await events.readTo("live");
  engine.move(RUN, "succeed");
  const text = await events.readTo();
  assert.match(text, /event: run\ndata: \{"run":\{.*"state":"succeeded"/);
  assert.equal(engine.watchers(RUN), 0);
});

Deno.test("a client that comes back goes on after the last line it saw", async () => {
  const engine = createFakeProject();
  await using server = await PageServer.start(engine);
  const ask = (query: string, headers: Record<string, string>) =>
    fetch(`${server.url}/api/runs/${RUN}/events${query}`, {
      headers: { authorization: `Bearer ${server.tokens.viewer}`, ...headers },
    });
  for (
    const [query, headers] of [["", { "last-event-id": "1" }], ["?after=1", {}], ["?after=0", {
      "last-event-id": "1",
    }]] as const
  ) {
    const events = new EventReader(await ask(query, headers));
    const text = await events.readTo("id: 2\n");
    assert.ok(!text.includes("id: 1\n"));
    await events.cancel();
  }
  const wrong = await ask("", { "last-event-id": "x" });
  assert.equal(wrong.status, 400);
  await wrong.body?.cancel();
});

Deno.test("events of an unknown run are a 404", async () => {
  await using server = await PageServer.start(createFakeProject());
  const response = await fetch(`${server.url}/api/runs/none/events`, {
    headers: { authorization: `Bearer ${server.tokens.viewer}` },
  });
  assert.equal(response.status, 404);
  assert.equal((await response.json()).code, "not_found");
});

Deno.test("a client that goes away is no longer watched for", async () => {
  const engine = createFakeProject();
  await using server = await PageServer.start(engine);
  const connection = new AbortController();
  const events = new EventReader(
    await fetch(`${server.url}/api/runs/${RUN}/events`, {
      headers: { authorization: `Bearer ${server.tokens.viewer}` },
      signal: connection.signal,
    }),
  );
  await events.readTo("id: 2\n");
  assert.equal(engine.watchers(RUN), 1);
  connection.abort();
  await until("nobody watches", () => engine.watchers(RUN) === 0);
  await events.cancel().catch(() => {});
});

Deno.test("shutdown() ends event streams and frees the port at once", async () => {
  const engine = createFakeProject();
  const server = await PageServer.start(engine);
  const open = async () => {
    const events = new EventReader(
      await fetch(`${server.url}/api/runs/${RUN}/events`, {
        headers: { authorization: `Bearer ${server.tokens.viewer}` },
      }),
    );
    await events.readTo("id: 2\n");
    return events;
  };
  const streams = await Promise.all([open(), open(), open()]);
  const startedMs = performance.now();
  await server[Symbol.asyncDispose]();
  assert.ok(performance.now() - startedMs < 4_000, "it did not wait for the streams' timeout");
  for (const stream of streams) await stream.readTo();
  assert.equal(engine.watchers(RUN), 0);
  await assert.rejects(fetch(`${server.url}/healthz`));
});

Deno.test("shutdown() lets a request in flight finish", async () => {
  const app = new Hono<AppEnv>();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  app.get("/", async (c) => {
    asked.resolve();
    await answer.promise;
    return c.text("done");
  });
  const listener = await listen(app, { host: "127.0.0.1", port: 0 });
  const response = fetch(listener.url);
  await asked.promise;
  const closed = listener.shutdown(DEADLINE_MS);
  answer.resolve();
  assert.equal(await (await response).text(), "done");
  await closed;
});

Deno.test("shutdown() waits no longer than it is told to", async () => {
  const app = new Hono<AppEnv>();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  app.get("/", async (c) => {
    asked.resolve();
    await answer.promise;
    return c.text("late");
  });
  const listener = await listen(app, { host: "127.0.0.1", port: 0 });
  const response = fetch(listener.url).then((got) => got.text());
  await asked.promise;
  await listener.shutdown(50);
  await assert.rejects(fetch(listener.url));
  answer.resolve();
  assert.equal(await response, "late");
});

Deno.test("a half-sent body and a broken request leave the server up", async () => {
  await using server = await PageServer.start(createFakeProject());
  const { hostname, port } = new URL(server.url);
  for (
    const text of [
      "GARBAGE\r\n\r\n",
      "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\npart",
      `PATCH /api/pipelines/orders HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.tokens.admin}\r\n` +
      "Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    ]
  ) {
    const connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(new TextEncoder().encode(text));
    connection.close();
  }
  const response = await fetch(`${server.url}/healthz`);
  assert.equal(response.status, 200);
  await response.body?.cancel();
});
