import { deepEqual, equal } from "node:assert/strict";
import { Socket } from "node:net";
import { ConnectionLimit } from "../../../../server/http/connection_limit.ts";

/** Sockets that were never connected: only their end and their address are looked at. */
function socketOf(address: string): Socket {
  const socket = new Socket();
  Object.defineProperty(socket, "remoteAddress", { value: address });
  return socket;
}

const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));

Deno.test("a connection too many closes the one that has been idle longest", () => {
  const told: string[] = [];
  const limit = new ConnectionLimit({ total: 2, perAddress: 2, onFull: (address) => told.push(address) });
  const [first, second, third] = [socketOf("a"), socketOf("b"), socketOf("c")];
  equal(limit.admit(first) && limit.admit(second), true);
  limit.enter(first, "responding");
  limit.enter(first, "idle");
  equal(limit.admit(third), true);
  deepEqual([first.destroyed, second.destroyed, third.destroyed], [false, true, false]);
  deepEqual([limit.size, told], [2, ["c"]]);
});

Deno.test("requests that still come in are given up after idle connections, those being answered never", () => {
  const limit = new ConnectionLimit({ total: 2, perAddress: 2 });
  const [receiving, responding, third, fourth] = [socketOf("a"), socketOf("b"), socketOf("c"), socketOf("d")];
  limit.admit(receiving);
  limit.enter(receiving, "receiving");
  limit.admit(responding);
  limit.enter(responding, "responding");
  equal(limit.admit(third), true);
  equal(receiving.destroyed, true);
  limit.enter(third, "responding");
  equal(limit.admit(fourth), false);
  deepEqual([responding.destroyed, third.destroyed, fourth.destroyed], [false, false, true]);
});

Deno.test("one address makes room among its own connections", () => {
  const limit = new ConnectionLimit({ total: 10, perAddress: 2 });
  const [other, first, second, third] = [socketOf("b"), socketOf("a"), socketOf("a"), socketOf("a")];
  for (const socket of [other, first, second, third]) equal(limit.admit(socket), true);
  deepEqual([other.destroyed, first.destroyed, second.destroyed, third.destroyed], [
    false,
    true,
    false,
    false,
  ]);
});

Deno.test("a connection that ends makes room by itself", async () => {
  const limit = new ConnectionLimit({ total: 1, perAddress: 1 });
  const [first, second] = [socketOf("a"), socketOf("a")];
  limit.admit(first);
  const over = closed(first);
  first.destroy();
  await over;
  equal(limit.size, 0);
  equal(limit.admit(second), true);
  equal(second.destroyed, false);
});
