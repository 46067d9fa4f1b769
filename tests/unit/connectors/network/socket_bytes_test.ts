import { deepEqual, rejects } from "node:assert/strict";
import { PassThrough } from "node:stream";
import { SocketBytes } from "../../../../connectors/network/socket_bytes.ts";

Deno.test("SocketBytes ends its reader where the connection ends while small pieces gather", async () => {
  const socket = new PassThrough();
  const bytes = new SocketBytes(socket);
  bytes.gathers = true;
  socket.write(Uint8Array.of(1, 2));
  const first = bytes.read();
  deepEqual([...await first], [1, 2]);
  // The reader now waits for more to gather; the end comes within that time.
  const second = bytes.read();
  socket.destroy();
  await rejects(second, /the connection was closed/);
});
