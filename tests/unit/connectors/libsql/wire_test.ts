import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { FrameReader } from "../../../../connectors/libsql/hrana/frames.ts";
import { decodePipeline } from "../../../../connectors/libsql/hrana/messages.ts";
import { WireError, WireReader, WireWriter } from "../../../../connectors/libsql/hrana/wire.ts";

type Value = bigint | number | string | Uint8Array;

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.integer().map(BigInt),
  fc.constantFrom(0n, -1n, 2n ** 51n, -(2n ** 51n), 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)),
  fc.double(),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.uint8Array({ maxLength: 5_000 }),
);

function write(writer: WireWriter, item: Value): void {
  if (typeof item === "bigint") writer.sint64(2, item);
  else if (typeof item === "number") writer.double(3, item);
  else if (typeof item === "string") writer.string(4, item);
  else writer.bytes(5, item);
}

function readItem(reader: WireReader): Value {
  ok(reader.next());
  if (reader.field === 2) return reader.sint64();
  if (reader.field === 3) return reader.double();
  return reader.field === 4 ? reader.string() : reader.bytes().slice();
}

Deno.test("what WireWriter writes WireReader reads, value for value", () => {
  fc.assert(fc.property(fc.array(value, { maxLength: 30 }), (items) => {
    const writer = new WireWriter(16);
    writer.message(1, () => {
      for (const item of items) writer.message(1, () => write(writer, item));
    });
    writer.uint(7, 2 ** 40);
    const reader = new WireReader(writer.finish());
    ok(reader.next());
    const inner = reader.message();
    for (const item of items) {
      ok(inner.next());
      const found = readItem(inner.message());
      ok(
        Object.is(found, item) || (typeof item === "object" && String(found) === String(item)),
        String(item),
      );
    }
    equal(inner.next(), false);
    ok(reader.next());
    deepStrictEqual([reader.field, reader.uint()], [7, 2 ** 40]);
    equal(reader.next(), false);
  }));
});

Deno.test("integers are written as other programs write sint64", () => {
  const bytesOf = (number: bigint) => {
    const writer = new WireWriter();
    writer.sint64(2, number);
    return [...writer.finish()];
  };
  deepStrictEqual(bytesOf(0n), [16, 0]);
  deepStrictEqual(bytesOf(-1n), [16, 1]);
  deepStrictEqual(bytesOf(150n), [16, 0xac, 0x02]);
  deepStrictEqual(bytesOf(-(2n ** 63n)), [16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
});

Deno.test("bytes that are no message are a WireError, never a value or an endless loop", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    try {
      decodePipeline(bytes);
    } catch (error) {
      ok(error instanceof WireError, String(error));
    }
  }));
  throws(() => decodePipeline(new Uint8Array([0x0a, 5, 1])), WireError);
  throws(() => decodePipeline(new Uint8Array([0x0a, 1, 0xff])), WireError);
});

Deno.test("FrameReader gives messages whole, however they are cut into chunks", async () => {
  const messages = [0, 1, 127, 128, 70_000, 3, 300_000].map((length, i) =>
    new Uint8Array(length).fill(i + 1)
  );
  const whole = new Uint8Array(messages.reduce((sum, { length }) => sum + length + 3, 0));
  let end = 0;
  for (const message of messages) {
    for (let rest = message.length;; rest >>>= 7) {
      whole[end++] = (rest & 0x7f) | (rest > 0x7f ? 0x80 : 0);
      if (rest <= 0x7f) break;
    }
    whole.set(message, end);
    end += message.length;
  }
  for (const chunkBytes of [1_000, 65_536, 1_000_000]) {
    const found: Uint8Array[] = [];
    const frames = new FrameReader(new Response(chunked(whole.subarray(0, end), chunkBytes)));
    do {
      for (let frame = frames.take(); frame !== undefined; frame = frames.take()) found.push(frame);
    } while (await frames.fill());
    deepStrictEqual(found.map(({ length }) => length), messages.map(({ length }) => length));
    for (const [i, frame] of found.entries()) ok(frame.every((byte) => byte === i + 1));
  }
});

Deno.test("FrameReader throws where the bytes end within a message", async () => {
  const frames = new FrameReader(new Response(chunked(new Uint8Array([2, 1, 1, 5, 9, 9]), 3)));
  ok(await frames.fill());
  deepStrictEqual([...frames.take() ?? []], [1, 1]);
  equal(frames.take(), undefined);
  let error;
  try {
    await frames.fill();
  } catch (thrown) {
    error = thrown;
  }
  ok(error instanceof WireError);
});

function chunked(bytes: Uint8Array, chunkBytes: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (at < bytes.length) {
        controller.enqueue(bytes.slice(at, at + chunkBytes));
        at += chunkBytes;
        return;
      }
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
}
