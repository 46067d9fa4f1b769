/** `latency_proxy.ts HOST PORT MS`: passes bytes on, each MS later; prints the port that it listens on. Ends with its standard input. */
const [host = "", port = "", delay = ""] = Deno.args;
const delayMs = Number(delay);
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);

/** Reading goes on while what was read waits, as on a long line. */
async function pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  let tail = Promise.resolve();
  try {
    for (;;) {
      const buffer = new Uint8Array(262_144);
      const length = await from.read(buffer);
      if (length === null) break;
      const dueMs = performance.now() + delayMs;
      tail = tail.then(async () => {
        const waitMs = dueMs - performance.now();
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        for (let sent = 0; sent < length;) sent += await to.write(buffer.subarray(sent, length));
      });
      tail.catch(() => {});
    }
    await tail;
    await to.closeWrite();
  } catch {
    // The other side has closed.
  }
}

async function relay(client: Deno.TcpConn): Promise<void> {
  using _client = client;
  using server = await Deno.connect({ hostname: host, port: Number(port) });
  client.setNoDelay();
  server.setNoDelay();
  await Promise.all([pass(client, server), pass(server, client)]);
}

void (async () => {
  for await (const client of listener) void relay(client).catch(() => {});
})();
for await (const _ of Deno.stdin.readable) { /* until it ends */ }
Deno.exit(0);

export {};
