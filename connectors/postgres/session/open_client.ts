import { isIP } from "node:net";
import { checkServerIdentity, type ConnectionOptions, type PeerCertificate } from "node:tls";
import pg from "pg";
import { toServerError } from "./commands.ts";
import { type Host, type SessionOptions, socketPath } from "./connection_options.ts";
import { GatedConnection } from "./gated_connection.ts";
import { ConnectionLostError, describeSocketError, HandshakeError, ServerError } from "./server_error.ts";

/** Beyond this a hostile server could keep this process busy for minutes. PostgreSQL's default is 4,096. */
const MAX_SCRAM_ITERATIONS = 1_000_000;

/** A server that does not hang up after a goodbye is not waited for. */
const GOODBYE_MS = 1_000;

/** A client that is signed in, and how its connection was made. */
export interface OpenClient {
  readonly client: pg.Client;
  readonly connection: GatedConnection;
  readonly host: Host;
  /** Undefined for a connection without TLS. */
  readonly tls: ConnectionOptions | undefined;
}

/**
 * Connects to one host, in the ways that its sslmode allows, in libpq's order. Throws
 * ConnectionLostError, HandshakeError, ServerError, or the signal's reason.
 */
export async function openClient(
  options: SessionOptions,
  host: Host,
  signal: AbortSignal,
): Promise<OpenClient> {
  const [first, second] = attemptsOf(options, host);
  try {
    return await openOnce(options, host, first, signal);
  } catch (error) {
    if (second === undefined || !isAboutEncryption(error)) throw error;
    return await openOnce(options, host, second, signal);
  }
}

/** Says goodbye, and waits until the connection is closed. Never throws. */
export async function closeClient({ client, connection }: OpenClient): Promise<void> {
  const closed = new ConnectionLostError("the connection was closed");
  const tooLong = setTimeout(() => connection.abandon(closed), GOODBYE_MS);
  await client.end();
  clearTimeout(tooLong);
  connection.abandon(closed);
  await connection.closed;
}

/** Begins to connect, as pg's client does it. */
export function startConnecting(connection: GatedConnection, host: Host): void {
  const path = socketPath(host);
  if (path === undefined) connection.connect(host.port, host.host);
  else connection.connect(path);
}

type Attempt = "tls" | "plain";

function attemptsOf({ ssl }: SessionOptions, host: Host): readonly [Attempt, Attempt?] {
  if (socketPath(host) !== undefined || ssl === "disable") return ["plain"];
  if (ssl === "allow") return ["plain", "tls"];
  return ssl === "prefer" ? ["tls", "plain"] : ["tls"];
}

/** Whether the other kind of connection may succeed: TLS failed, or pg_hba.conf refuses this one. */
function isAboutEncryption(error: unknown): boolean {
  return error instanceof HandshakeError && error.kind === "encryption" ||
    error instanceof ServerError && error.fields.code === "28000";
}

async function openOnce(
  options: SessionOptions,
  host: Host,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<OpenClient> {
  signal.throwIfAborted();
  const tls = attempt === "plain" ? undefined : tlsOptions(options, host);
  const connection = new GatedConnection({
    tls,
    sslNegotiation: tls === undefined ? "postgres" : options.sslNegotiation,
    isLocal: socketPath(host) !== undefined,
    channelBinding: options.channelBinding,
    authMethods: options.authMethods,
    onNotice: options.onNotice,
  });
  const client = new pg.Client(clientConfig(options, host, tls, connection));
  // pg repeats what our commands are told; without a listener it would end the process.
  client.on("error", () => {});
  const timeout = AbortSignal.timeout(options.connectTimeoutMs);
  const stop = AbortSignal.any([signal, timeout]);
  const late = new ConnectionLostError(`no answer within ${options.connectTimeoutMs / 1000} s`);
  const abort = () => connection.abandon(late);
  stop.addEventListener("abort", abort, { once: true });
  try {
    await client.connect();
    return { client, connection, host, tls };
  } catch (error) {
    const met = connection.explain(error) ?? toServerError(error) ?? toConnectError(connection, error);
    connection.abandon(late);
    signal.throwIfAborted();
    throw timeout.aborted ? late : met;
  } finally {
    stop.removeEventListener("abort", abort);
  }
}

function clientConfig(
  options: SessionOptions,
  { host, port }: Host,
  tls: ConnectionOptions | undefined,
  connection: GatedConnection,
): pg.ClientConfig {
  return {
    connection,
    host,
    port,
    user: options.user,
    database: options.database,
    // A function, also where there is none: without one, pg looks into the user's ~/.pgpass.
    password: () => {
      const password = options.revealPassword();
      if (password !== undefined) return password;
      throw new HandshakeError("authentication", "the server wants a password and none is configured");
    },
    ssl: tls ?? false,
    sslnegotiation: tls === undefined ? "postgres" : options.sslNegotiation,
    enableChannelBinding: tls !== undefined && options.channelBinding !== "disable",
    scramMaxIterations: MAX_SCRAM_ITERATIONS,
    application_name: options.applicationName,
    ...(options.options === undefined ? {} : { options: options.options }),
    ...(options.replication === true ? { replication: "database" } : {}),
  };
}

function tlsOptions(
  { ssl, authorities, certificate, tlsDemands: { minVersion, serverName } }: SessionOptions,
  { host }: Host,
): ConnectionOptions {
  const isVerified = ssl === "verify-ca" || ssl === "verify-full";
  const shownName = serverName ?? host;
  return {
    rejectUnauthorized: isVerified,
    minVersion,
    ...(isIP(shownName) === 0 ? { servername: shownName } : {}),
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(ssl === "verify-ca" ? { checkServerIdentity: () => undefined } : {}),
    // pg puts the host in the place of another name.
    ...(ssl === "verify-full" && serverName !== undefined
      ? {
        checkServerIdentity: (_host: string, peer: PeerCertificate) => checkServerIdentity(serverName, peer),
      }
      : {}),
    ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
  };
}

function toConnectError(connection: GatedConnection, error: unknown): Error {
  const reason = connection.endReason ?? error;
  if (reason instanceof HandshakeError || reason instanceof ConnectionLostError) return reason;
  if (!(reason instanceof Error)) return new ConnectionLostError(String(reason));
  if ("code" in reason) return new ConnectionLostError(describeSocketError(reason), { cause: reason });
  // What is left are pg's own words about a sign-in by SCRAM.
  return new HandshakeError("authentication", reason.message, { cause: reason });
}
