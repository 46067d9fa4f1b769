import type { Server as HttpServer, ServerOptions } from "node:http";
import { createServer } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ServerCertificate } from "./certificate.ts";
import type { TlsVersion } from "./tls_settings.ts";

export interface SecureOptions {
  readonly certificate: ServerCertificate;
  readonly minVersion: TlsVersion;
  /** PEM: the authorities of clients' certificates, which all have to show then. */
  readonly clientAuthorities?: string | undefined;
}

/** The first byte of a TLS handshake, RFC 8446, 5.1. */
const HANDSHAKE = 0x16;

const PLAIN_REFUSED = "This port speaks HTTPS: use https:// in the address.\n";
const PLAIN_ANSWER = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n" +
  `Content-Length: ${PLAIN_REFUSED.length}\r\n\r\n${PLAIN_REFUSED}`;

export interface SecureServer {
  readonly server: HttpServer;
  /** The connection that a request's TLS is spoken over, as `admit` got it. */
  readonly socketUnder: (socket: Socket) => Socket;
  /** New connections get it; those that stand keep theirs. */
  use(certificate: ServerCertificate): void;
  /** Cuts off those that have not ended their handshake. */
  closeUnsecured(): void;
}

/** A connection, from its first byte on. */
interface Opened {
  readonly socket: Socket;
  /** Cuts it off; undefined once its handshake is over. */
  timer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * A server for HTTPS whose connections go to `admit` before a byte of them is read; false: it has closed them. Whoever
 * does not end the handshake within `handshakeMs` is cut off, and whoever speaks plain HTTP is told so.
 */
export function createSecureServer(
  options: SecureOptions,
  { handshakeMs, ...limits }: ServerOptions & { readonly handshakeMs: number },
  admit: (socket: Socket) => boolean,
): SecureServer {
  const server = createServer({
    ...limits,
    ...contextOf(options, options.certificate),
    ...(options.clientAuthorities === undefined ? {} : { requestCert: true, rejectUnauthorized: true }),
  });
  const under = new WeakMap<Socket, Socket>();
  const open = new Map<string, Opened>();
  // Node's own listener makes TLS of a connection at once: it comes after ours.
  const [makeSecure] = server.listeners("connection");
  if (makeSecure === undefined) throw new TypeError("expected node:https to listen to connections");
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => {});
    if (!admit(socket)) return;
    const place = placeOf(socket);
    const opened: Opened = { socket, timer: setTimeout(() => socket.destroy(), handshakeMs) };
    open.set(place, opened);
    socket.once("close", () => {
      clearTimeout(opened.timer);
      if (open.get(place) === opened) open.delete(place);
    });
    socket.once("data", (bytes: Uint8Array) => {
      socket.pause();
      if (bytes[0] !== HANDSHAKE) return void socket.end(PLAIN_ANSWER, () => socket.destroySoon());
      socket.unshift(bytes);
      makeSecure.call(server, socket);
    });
  });
  server.on("secureConnection", (tls: TLSSocket) => {
    tls.on("error", () => {});
    const opened = open.get(placeOf(tls));
    if (opened === undefined) return void tls.destroy();
    under.set(tls, opened.socket);
    clearTimeout(opened.timer);
    opened.timer = undefined;
  });
  server.on("tlsClientError", (_error: Error, tls: TLSSocket) => void tls.destroy());
  return {
    server,
    socketUnder: (socket) => under.get(socket) ?? socket,
    use: (certificate) => server.setSecureContext(contextOf(options, certificate)),
    closeUnsecured() {
      for (const { socket, timer } of open.values()) if (timer !== undefined) socket.destroy();
    },
  };
}

function contextOf({ minVersion, clientAuthorities }: SecureOptions, { cert, key }: ServerCertificate) {
  return {
    cert,
    key,
    minVersion: minVersion === "1.3" ? "TLSv1.3" as const : "TLSv1.2" as const,
    ALPNProtocols: ["http/1.1"],
    ...(clientAuthorities === undefined ? {} : { ca: clientAuthorities }),
  };
}

/** Of all open connections of a listener, one has this. */
const placeOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
