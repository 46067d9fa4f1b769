import assert from "node:assert/strict";
import { NO_PROGRESS } from "../../../../contract/runs/progress.ts";
import { eventStreamResponse } from "../../../../server/http/event_stream_response.ts";
import { FakeClock, settle } from "../../../support/fake_clock.ts";
import { createFakeProject, RUN_IDS } from "../../../support/fake_project.ts";

const RUN = RUN_IDS.running;

/** A stream of the running run's events, and what a client has read of it. */
function open(afterSeq = 0, abort = new AbortController(), mayStillLook = () => Promise.resolve(true)) {
  const clock = new FakeClock(0);
  const engine = createFakeProject();
  const response = eventStreamResponse(
    (signal) => engine.watchRun(RUN, afterSeq, signal),
    { clock, signal: abort.signal, mayStillLook },
  );
  assert.ok(response.body);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const read = async () => (await reader.read()).value;
  return { clock, engine, response, reader, read, abort };
}

Deno.test("events come as they happen, log lines with their seq, and the stream ends with the run", async () => {
  const { engine, read, response } = open(1);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  assert.equal(await read(), ": connected\n\n");
  const [, line] = await engine.getRunLogs(RUN, {});
  assert.equal(await read(), `id: 2\nevent: log\ndata: ${JSON.stringify({ line })}\n\n`);
  engine.addProgress(RUN, "extract:flights", 5);
  assert.equal(
    await read(),
    `event: progress\ndata: ${JSON.stringify({ ...NO_PROGRESS, rows: 5, step: "extract:flights" })}\n\n`,
  );
  engine.addLog(RUN, { message: "two\nlines\r\n\r\nevent: run" });
  const log = await read();
  assert.match(log ?? "", /^id: 3\nevent: log\ndata: [^\n\r]*\n\n$/);
  const run = engine.move(RUN, "succeed");
  assert.equal(await read(), `event: run\ndata: ${JSON.stringify({ run })}\n\n`);
  assert.equal(await read(), undefined);
  assert.equal(engine.watchers(RUN), 0);
});

Deno.test("a comment comes every 15 seconds in which nothing happens", async () => {
  const { clock, engine, read, reader } = open(9);
  assert.equal(await read(), ": connected\n\n");
  for (let beat = 0; beat < 3; beat++) {
    const next = read();
    await settle();
    await clock.advance(14_999);
    assert.equal(clock.sleepers, 1, "it waits, and with one timer");
    await clock.advance(1);
    assert.equal(await next, ": \n\n");
  }
  engine.addLog(RUN, { message: "more" });
  assert.match(await read() ?? "", /^id: 3\n/);
  await reader.cancel();
  assert.deepEqual([engine.watchers(RUN), clock.sleepers], [0, 0]);
});

Deno.test("nothing is watched before the client reads, nor after it has gone", async () => {
  const { clock, engine, read, reader } = open(9);
  await settle();
  assert.equal(engine.watchers(RUN), 0);
  await read();
  const waiting = read();
  await settle();
  assert.equal(engine.watchers(RUN), 1);
  await reader.cancel();
  await waiting;
  await settle();
  assert.deepEqual([engine.watchers(RUN), clock.sleepers], [0, 0]);
});

Deno.test("the stream ends when the server is to stop", async () => {
  const { abort, clock, engine, read } = open(9);
  await read();
  const waiting = read();
  await settle();
  abort.abort();
  assert.equal(await waiting, undefined);
  await settle();
  assert.deepEqual([engine.watchers(RUN), clock.sleepers], [0, 0]);
});

Deno.test("an error of the events cuts the stream, so that the client comes back", async () => {
  // deno-lint-ignore require-yield -- events that break before the first
  const watch = async function* (): AsyncGenerator<never> {
    await Promise.reject(new Error("the store is gone"));
  };
  const clock = new FakeClock(0);
  const response = eventStreamResponse(watch, {
    clock,
    signal: new AbortController().signal,
    mayStillLook: () => Promise.resolve(true),
  });
  await assert.rejects(response.text(), /the store is gone/);
  assert.equal(clock.sleepers, 0);
});

Deno.test("a stream ends when whoever asked may look no more, before an event that is there and in silence", async () => {
  for (const isSilent of [true, false]) {
    let looks = 0;
    const { clock, engine, read } = open(9, new AbortController(), () => Promise.resolve(++looks < 2));
    assert.equal(await read(), ": connected\n\n");
    const next = read();
    await settle();
    await clock.advance(15_000);
    assert.equal(await next, ": \n\n");
    assert.equal(looks, 1);
    const last = read();
    await settle();
    await clock.advance(isSilent ? 15_000 : 10_000);
    if (!isSilent) engine.addLog(RUN, { message: "not for everybody" });
    assert.equal(await last, undefined);
    assert.deepEqual([engine.watchers(RUN), clock.sleepers, looks], [0, 0, 2]);
  }
});
