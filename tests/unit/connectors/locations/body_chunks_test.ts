import { ok, rejects, strictEqual } from "node:assert/strict";
import { bodyChunks, wholeBody } from "../../../../connectors/locations/remote/body_chunks.ts";

/** A body of so many bytes, in pieces of so many, that says how much was asked of it. */
function bodyOf(length: number, piece: number, end: "close" | Error = "close") {
  let sent = 0;
  let isCancelled = false;
  const body = new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (sent === length) {
        if (end === "close") controller.close();
        else controller.error(end);
        controller.byobRequest?.respond(0);
        return;
      }
      const bytes = new Uint8Array(Math.min(piece, length - sent)).map((_, i) => (sent + i) % 251);
      sent += bytes.length;
      controller.enqueue(bytes);
    },
    cancel() {
      isCancelled = true;
    },
  });
  return { body, isCancelled: () => isCancelled };
}

Deno.test("bodyChunks() gives all bytes in their order, and the first of them at once", async () => {
  for (const length of [0, 1, 65_535, 65_536, 65_537, 3_000_001]) {
    let position = 0;
    let pieces = 0;
    for await (const bytes of bodyChunks(bodyOf(length, 10_000).body)) {
      if (position === 0) ok(bytes.length <= 10_000);
      for (const byte of bytes) strictEqual(byte, position++ % 251);
      pieces++;
    }
    strictEqual(position, length);
    ok(pieces <= 1 + length / 10_000);
  }
});

Deno.test("bodyChunks() throws what the body does", async () => {
  await rejects(async () => {
    for await (const _ of bodyChunks(bodyOf(100_000, 10_000, new Error("cut")).body)) { /* to its end */ }
  }, /cut/);
});

Deno.test("bodyChunks() ends the transfer where nobody takes more, and by its signal, whose reason it throws", async () => {
  const left = bodyOf(1_000_000, 10_000);
  for await (const _ of bodyChunks(left.body)) break;
  ok(left.isCancelled());
  const waiting = new AbortController();
  const silent = new ReadableStream({ type: "bytes", pull: () => new Promise<void>(() => {}) });
  const chunks = bodyChunks(silent, waiting.signal);
  const next = chunks.next();
  waiting.abort(new Error("enough"));
  await rejects(next, /enough/);
  const between = new AbortController();
  const taken = bodyChunks(bodyOf(1_000_000, 10_000).body, between.signal);
  strictEqual((await taken.next()).done, false);
  between.abort(new Error("enough"));
  await rejects(taken.next(), /enough/);
});

Deno.test("wholeBody() gives all bytes, whatever was expected, and says how many there are so far", async () => {
  for (const length of [0, 1, 9_999, 10_000, 10_001, 300_001]) {
    for (const expected of [0, 1, 10_000, length - 1, length, length + 1, 2 * length]) {
      const sizes: number[] = [];
      const bytes = await wholeBody(
        bodyOf(length, 10_000).body,
        Math.max(0, expected),
        (size) => sizes.push(size),
      );
      strictEqual(bytes.length, length);
      ok(bytes.every((byte, at) => byte === at % 251), `${length} of ${expected}`);
      ok(sizes.every((size, at) => size > (sizes[at - 1] ?? -1) && size <= length));
    }
  }
});

Deno.test("wholeBody() throws what the body does, what its caller does, and the signal's reason", async () => {
  await rejects(wholeBody(bodyOf(100_000, 10_000, new Error("cut")).body, 100_000, () => {}), /cut/);
  const large = bodyOf(1_000_000, 10_000);
  const refuse = () => {
    throw new Error("too large");
  };
  await rejects(wholeBody(large.body, 10, refuse), /too large/);
  ok(large.isCancelled());
  const waiting = new AbortController();
  const silent = new ReadableStream({ type: "bytes", pull: () => new Promise<void>(() => {}) });
  const read = wholeBody(silent, 10, () => {}, waiting.signal);
  waiting.abort(new Error("enough"));
  await rejects(read, /enough/);
});
