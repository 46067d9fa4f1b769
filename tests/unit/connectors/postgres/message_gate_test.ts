import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { MessageGate } from "../../../../connectors/postgres/session/message_gate.ts";
import type { ServerMessage } from "../../../../connectors/postgres/session/server_error.ts";
import { message, notice, ready, text } from "../../../support/hostile_postgres.ts";

/** A socket whose other end is the test. */
class FakeSocket extends Duplex {
  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }

  receive(bytes: Uint8Array): void {
    this.push(bytes);
  }

  hangUp(): void {
    this.push(null);
  }
}

interface Gated {
  readonly socket: FakeSocket;
  readonly gate: MessageGate;
  /** Types of the messages that came to pg's parser, in order. */
  readonly handed: string[];
  readonly notices: ServerMessage[];
}

function open(): Gated {
  const socket = new FakeSocket();
  const notices: ServerMessage[] = [];
  const gate = new MessageGate(socket, (said) => void notices.push(said));
  const handed: string[] = [];
  gate.on("data", (bytes: Uint8Array) => {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getInt32(1);
    assert.equal(bytes.length, length + 1, "exactly one message at a time");
    handed.push(String.fromCharCode(bytes[0] ?? 0));
  });
  void gate.run();
  return { socket, gate, handed, notices };
}

const join = (parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

/** All CopyData until the command's end. */
async function copied(gate: MessageGate): Promise<string> {
  const decoder = new TextDecoder();
  let all = "";
  for (;;) {
    const region = await gate.nextCopyRegion();
    if (region === undefined) return all;
    const view = new DataView(region.bytes.buffer, region.bytes.byteOffset);
    for (let at = region.start; at < region.end;) {
      const end = at + 1 + view.getInt32(at + 1);
      all += decoder.decode(region.bytes.subarray(at + 5, end));
      at = end;
    }
  }
}

Deno.test("a gate hands on whole messages, however the network cuts them, and rows past the parser", async () => {
  const answer = join([
    notice("first"),
    message("H", new Uint8Array(7)),
    message("d", text("one,")),
    message("d", text("")),
    message("d", text("two")),
    message("S", text("a\0b\0")),
    message("d", text(",three")),
    message("c"),
    message("C", text("COPY 3\0")),
    ready(),
    message("A", text("0000x\0y\0")),
  ]);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(answer.length), { maxLength: 12 }), async (cuts) => {
      const { socket, gate, handed, notices } = open();
      const isReady = gate.nextReady();
      gate.startCopy();
      const all = copied(gate);
      const places = [0, ...cuts.toSorted((a, b) => a - b), answer.length];
      for (const [i, place] of places.entries()) socket.receive(answer.slice(places[i - 1] ?? 0, place));
      await isReady;
      assert.equal(await all, "one,two,three");
      socket.hangUp();
      assert.equal((await gate.ended).message, "the server closed the connection");
      assert.deepEqual(handed, ["H", "S", "c", "C", "Z", "A"]);
      assert.deepEqual(notices.map((said) => said.message), ["first"]);
    }),
    { numRuns: 60 },
  );
});

Deno.test("a gate does not go past rows that nobody has asked for", async () => {
  const { socket, gate, handed } = open();
  gate.startCopy();
  socket.receive(join([message("d", text("row")), message("C", text("COPY 1\0")), ready()]));
  const isReady = gate.nextReady();
  const early = await Promise.race([
    isReady.then(() => "ready"),
    new Promise((resolve) => setTimeout(resolve, 0)),
  ]);
  assert.equal(early, undefined);
  assert.deepEqual(handed, []);
  assert.equal(await copied(gate), "row");
  await isReady;
  assert.deepEqual(handed, ["C", "Z"]);
  gate.abandon(new Error("enough"));
  await gate.ended;
});

Deno.test("a gate tells who waits why it ended, after what came before the end", async () => {
  const { socket, gate, handed } = open();
  const isReady = gate.nextReady();
  socket.receive(message("E", text("SFATAL\0C57P01\0Mgoing down\0\0")));
  socket.hangUp();
  await assert.rejects(isReady, { name: "ConnectionLostError", message: "the server closed the connection" });
  assert.deepEqual(handed, ["E"]);
  await assert.rejects(gate.nextReady(), { message: "the server closed the connection" });
  await assert.rejects(gate.nextCopyRegion(), { message: "the server closed the connection" });
  socket.destroy();
});

Deno.test("a gate says what became of its socket", async () => {
  const { socket, gate } = open();
  const isReady = gate.nextReady();
  socket.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
  await assert.rejects(isReady, { name: "ConnectionLostError", message: "the connection was reset" });
});

Deno.test("an abandoned gate hands nothing more on", async () => {
  const { socket, gate, handed } = open();
  gate.on("data", () => gate.abandon(new Error("a wrong proof")));
  socket.receive(join([message("R", new Uint8Array(4)), message("R", new Uint8Array(4)), ready()]));
  assert.equal((await gate.ended).message, "a wrong proof");
  assert.deepEqual(handed, ["R"]);
  socket.destroy();
});
