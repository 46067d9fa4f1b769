import { once } from "node:events";
import net from "node:net";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import tls from "node:tls";

/**
 * A middleman: it ends the client's TLS with a certificate of its own and hands the bytes on to
 * PostgreSQL over another TLS connection. The client begins TLS at once (`sslnegotiation=direct`).
 */
export interface TlsRelay extends AsyncDisposable {
  readonly port: number;
}

interface Server {
  readonly host: string;
  readonly port: number;
}

/** Protocol 3's SSLRequest. */
const SSL_REQUEST = new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47]);

export function tlsRelay(
  server: Server,
  certificate: { readonly cert: string; readonly key: string },
): TlsRelay {
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    alpnProtocols: ["postgresql"],
    ...certificate,
  });
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

async function relay(client: Deno.TlsConn, server: Server): Promise<void> {
  const plain = net.connect(server.port, server.host);
  plain.write(SSL_REQUEST);
  await once(plain, "data");
  // A middleman does not care who the server is.
  const upstream = tls.connect({ socket: plain, rejectUnauthorized: false });
  upstream.on("error", () => {});
  const back = new Writable({
    write: (bytes, _encoding, done) => void writeAll(client, bytes).then(() => done(), done),
  });
  await Promise.allSettled([
    pipeline(Readable.from(client.readable), upstream),
    pipeline(upstream, back),
  ]);
  upstream.destroy();
  try {
    client.close();
  } catch {
    // Its end was read, which closes it.
  }
}

async function writeAll(client: Deno.TlsConn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await client.write(bytes.subarray(written));
}
