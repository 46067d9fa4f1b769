import { deepEqual, equal } from "node:assert/strict";
import { setImmediate } from "node:timers";
import { TurnWriter } from "../../../../../engine/worker/reports/turn_writer.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("what is written in one turn is one write, in its order, and nothing waits for long", async () => {
  const written: string[] = [];
  const writer = new TurnWriter((part) => void written.push(new TextDecoder().decode(part)));
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  writer.write(bytes("a"));
  await Promise.resolve();
  writer.write(bytes("b"));
  deepEqual(written, []);
  await turn();
  deepEqual(written, ["ab"]);
  writer.write(bytes("c"));
  writer.flush();
  deepEqual(written, ["ab", "c"]);
  await turn();
  equal(written.length, 2);
  writer.write(bytes("x".repeat(300 * 1024)));
  equal(written.length, 3);
  await turn();
  equal(written.length, 3);
});
