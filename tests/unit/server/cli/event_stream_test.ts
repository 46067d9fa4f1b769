import { deepStrictEqual } from "node:assert/strict";
import { readServerSentEvents } from "../../../../server/cli/client/event_stream.ts";

function streamOf(chunks: readonly string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
      controller.close();
    },
  });
}

const read = (...chunks: string[]) => Array.fromAsync(readServerSentEvents(streamOf(chunks)));

Deno.test("readServerSentEvents() puts lines together across chunks", async () => {
  deepStrictEqual(await read("event: lo", 'g\ndata: {"a"', ":1}\n", "\n"), [{
    type: "log",
    data: '{"a":1}',
  }]);
});

Deno.test("readServerSentEvents() takes CR, LF and CRLF, also cut in two", async () => {
  deepStrictEqual(await read("data: a\r", "\n\r", "\ndata:b\r\r", "data: c\n\n"), [
    { type: "message", data: "a" },
    { type: "message", data: "b" },
    { type: "message", data: "c" },
  ]);
});

Deno.test("readServerSentEvents() joins data lines and leaves out comments, ids and half an event", async () => {
  deepStrictEqual(await read(": hello\n\nid: 7\ndata: a\ndata: b\n\nevent: run\ndata: cut"), [
    { type: "message", data: "a\nb" },
  ]);
});
