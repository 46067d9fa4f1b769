import type { SessionOptions } from "./connection_options.ts";
import { GatedConnection } from "./gated_connection.ts";
import { type OpenClient, startConnecting } from "./open_client.ts";
import { ConnectionLostError } from "./server_error.ts";

/** Who stops must not wait long for a server that does not. */
const PATIENCE_MS = 2_000;

/**
 * Asks the server, over a connection of its own, to stop what the client's session runs. Never
 * throws: a server that cannot be reached finds the cut connection by itself.
 */
export async function cancelCommand(options: SessionOptions, running: OpenClient): Promise<void> {
  const connection = new GatedConnection(running.connection.policy);
  const tooLong = setTimeout(
    () => connection.abandon(new ConnectionLostError("no answer")),
    Math.min(options.connectTimeoutMs, PATIENCE_MS),
  );
  try {
    const { processId, secretKey } = running.connection;
    connection.on("error", () => {});
    connection.once("connect", () => {
      if (running.tls === undefined) connection.cancel(processId, secretKey);
      else if (options.sslNegotiation === "postgres") connection.requestSsl();
    });
    connection.once("sslconnect", () => connection.cancel(processId, secretKey));
    startConnecting(connection, running.host);
    await connection.closed;
  } catch {
    // Then the cut connection has to do.
  } finally {
    clearTimeout(tooLong);
  }
}
