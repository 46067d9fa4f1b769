/** Passes bytes on to a server, each way some milliseconds later: a network that is far away. */
export interface DelayedServer extends AsyncDisposable {
  readonly port: number;
}

export function delayedServer(
  server: { readonly host: string; readonly port: number },
  delayMs: number,
): DelayedServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relays: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const client of listener) relays.push(relay(client, server, delayMs));
  })();
  return {
    port: listener.addr.port,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting;
      await Promise.all(relays);
    },
  };
}

async function relay(
  client: Deno.TcpConn,
  server: { readonly host: string; readonly port: number },
  delayMs: number,
): Promise<void> {
  const upstream = await Deno.connect({ hostname: server.host, port: server.port });
  await Promise.all([pass(client, upstream, delayMs), pass(upstream, client, delayMs)]);
  client.close();
  upstream.close();
}

/** What is read waits its time while more is read: the delay is a delay, not a limit of what passes. */
async function pass(from: Deno.TcpConn, to: Deno.TcpConn, delayMs: number): Promise<void> {
  let writing = Promise.resolve();
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const length = await from.read(buffer);
      const dueMs = performance.now() + delayMs;
      if (length === null) break;
      const bytes = buffer.slice(0, length);
      writing = writing.then(async () => {
        const waitMs = dueMs - performance.now();
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
      });
      writing.catch(() => {});
    }
    await writing;
    await to.closeWrite();
  } catch {
    // The other direction has ended both.
  }
}
