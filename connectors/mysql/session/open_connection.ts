import { connect, isIP, type Socket } from "node:net";
import { Duplex } from "node:stream";
import mysql from "mysql2";
import {
  ConnectionLostError,
  describeSocketError,
  HandshakeError,
  handshakeFault,
  NO_TLS,
} from "../../network/failures.ts";
import type { SessionOptions } from "./connection_options.ts";
import { ServerError } from "./server_error.ts";
import { authPlugins } from "./sign_in.ts";

/** A connection that is signed in. From here on its bytes are ours; mysql2 reads them no more. */
export interface OpenConnection {
  /** The socket, or the TLS stream over it. */
  readonly stream: Duplex;
  /** The server's number of the connection, as KILL takes it. */
  readonly threadId: number;
  readonly isTls: boolean;
}

const KEEP_ALIVE_MS = 30_000;

/** What mysql2 may ask of a server beyond the least. Several statements at a time are not among it. */
const FLAGS = ["-IGNORE_SPACE", "-ODBC", "-SESSION_TRACK", "-CLIENT_QUERY_ATTRIBUTES"];

/**
 * Connects and signs in, in the ways that the options allow. Throws ConnectionLostError, HandshakeError,
 * ServerError, or the signal's reason.
 */
export async function openConnection(options: SessionOptions, signal: AbortSignal): Promise<OpenConnection> {
  if (options.socket !== undefined || options.ssl === "disable") {
    return await openOnce(options, false, signal);
  }
  try {
    return await openOnce(options, true, signal);
  } catch (error) {
    const isAboutTls = error instanceof HandshakeError && error.kind === "encryption";
    if (options.ssl !== "prefer" || !isAboutTls) throw error;
    return await openOnce(options, false, signal);
  }
}

async function openOnce(
  options: SessionOptions,
  isTls: boolean,
  signal: AbortSignal,
): Promise<OpenConnection> {
  signal.throwIfAborted();
  const connection = mysql.createConnection(connectionConfig(options, isTls));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // mysql2 repeats what ends the connection later; without a listener it would end the process.
  connection.on("error", reject);
  connection.once("connect", () => resolve());
  const timeout = AbortSignal.timeout(options.connectTimeoutMs);
  const stop = AbortSignal.any([signal, timeout]);
  const late = new ConnectionLostError(`no answer within ${options.connectTimeoutMs / 1000} s`);
  const abort = () => reject(late);
  stop.addEventListener("abort", abort, { once: true });
  try {
    await promise;
    const stream = streamOf(connection);
    stream.removeAllListeners("data");
    return { stream, threadId: connection.threadId, isTls };
  } catch (error) {
    await destroyStream(streamOf(connection));
    signal.throwIfAborted();
    throw error === late ? late : toConnectError(error, isTls);
  } finally {
    stop.removeEventListener("abort", abort);
  }
}

/** Cuts the connection, and waits until it is closed. */
export async function destroyStream(stream: Duplex): Promise<void> {
  if (stream.closed) return;
  const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
  stream.on("error", () => {});
  stream.destroy();
  await closed;
}

function connectionConfig(options: SessionOptions, isTls: boolean): mysql.ConnectionOptions {
  const { host, port, socket, user, database, tlsDemands: { serverName } } = options;
  const password = options.revealPassword();
  return {
    ...(socket === undefined ? { host: serverName ?? host, port } : { socketPath: socket }),
    // mysql2 verifies the name that it connects to.
    ...(serverName === undefined || socket !== undefined ? {} : { stream: () => connectTo(host, port) }),
    user,
    database,
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { ssl: tlsOptions(options) } : {}),
    // Ours is measured from the outside, whatever is waited for.
    connectTimeout: 0,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    charset: "UTF8MB4_GENERAL_CI",
    flags: FLAGS,
    authPlugins: authPlugins(isTls || socket !== undefined),
    connectAttributes: { program_name: options.applicationName },
  };
}

function connectTo(host: string, port: number): Socket {
  const socket = connect({ host, port });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}

function tlsOptions(
  { ssl, host, authorities, certificate, tlsDemands: { minVersion, serverName } }: SessionOptions,
): mysql.SslOptions {
  if (ssl === "verify-full" && isIP(serverName ?? host) !== 0) {
    throw new HandshakeError(
      "encryption",
      "the server's certificate is verified by a name, and host is an address; name it in ssl_server_name, " +
        "or set ssl: verify-ca",
    );
  }
  return {
    minVersion,
    rejectUnauthorized: ssl === "verify-ca" || ssl === "verify-full",
    verifyIdentity: ssl === "verify-full",
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
  };
}

/** mysql2's types leave out what it speaks over. */
function streamOf(connection: mysql.Connection): Duplex {
  const stream: unknown = Reflect.get(connection, "stream");
  if (!(stream instanceof Duplex)) throw new TypeError("expected mysql2's connection to have a stream");
  return stream;
}

function toConnectError(error: unknown, isTls: boolean): Error {
  if (!(error instanceof Error)) return new ConnectionLostError(String(error));
  if (error instanceof HandshakeError) return error;
  const { code, errno } = { code: "", errno: 0, ...error };
  if (code === "HANDSHAKE_NO_SSL_SUPPORT") {
    return new HandshakeError(
      "encryption",
      NO_TLS,
      {
        cause: error,
      },
    );
  }
  if (code === "HANDSHAKE_SSL_ERROR") {
    return new HandshakeError("encryption", handshakeFault(error), { cause: error });
  }
  if (code === "AUTH_SWITCH_PLUGIN_ERROR" || code === "MYSQL_CLEAR_PASSWORD_NOT_ENABLED") {
    return new HandshakeError("authentication", error.message, { cause: error });
  }
  if ("sqlState" in error && Number(errno) > 0) {
    return new ServerError(Number(errno), String(error.sqlState ?? ""), error.message);
  }
  if (code === "PROTOCOL_CONNECTION_LOST") {
    return new ConnectionLostError(
      `the server closed the connection${isTls ? " while TLS was made" : ""}`,
      { cause: error },
    );
  }
  return new ConnectionLostError(describeSocketError(error), { cause: error });
}
