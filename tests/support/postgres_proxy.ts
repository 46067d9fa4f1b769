/**
 * Stands between a client and PostgreSQL, hands everything on until the client sends COMMIT, hands
 * that on too, waits for the server's answer, and cuts the connection instead of passing it back:
 * what a network failure at the worst moment looks like.
 */
export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
}

const decoder = new TextDecoder("latin1");

export function cutBeforeCommitAnswer(
  server: { readonly host: string; readonly port: number },
): CuttingProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relays: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const client of listener) relays.push(relay(client, server));
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

async function relay(client: Deno.TcpConn, server: { host: string; port: number }): Promise<void> {
  const upstream = await Deno.connect({ hostname: server.host, port: server.port });
  let hasCopied = false;
  let isCommitting = false;
  const up = pass(client, upstream, (text) => {
    hasCopied ||= text.includes("FROM STDIN");
    // The COMMIT before the COPY is that of the ledger's own small transaction.
    isCommitting ||= hasCopied && text.includes("COMMIT\0");
    return true;
  });
  await pass(upstream, client, () => !isCommitting);
  client.close();
  upstream.close();
  await up;
}

/** Passes bytes on until either end closes or `isPassed` says no. */
async function pass(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  isPassed: (text: string) => boolean,
): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const length = await from.read(buffer);
      if (length === null || !isPassed(decoder.decode(buffer.subarray(0, length)))) return;
      for (let sent = 0; sent < length;) sent += await to.write(buffer.subarray(sent, length));
    }
  } catch {
    // The other direction has closed both.
  }
}
