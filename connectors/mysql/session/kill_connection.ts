import { ConnectionLostError } from "../../network/failures.ts";
import type { SessionOptions } from "./connection_options.ts";
import { destroyStream, openConnection } from "./open_connection.ts";
import { Wire } from "./wire.ts";

/** Who stops must not wait long for a server that does not. */
const PATIENCE_MS = 2_000;

/**
 * Asks the server, over a connection of its own, to end another one and what it runs. Never throws: a
 * server that cannot be reached finds the cut connection by itself.
 */
export async function killConnection(options: SessionOptions, threadId: number): Promise<void> {
  const patience = AbortSignal.timeout(Math.min(options.connectTimeoutMs, PATIENCE_MS));
  try {
    const { stream } = await openConnection(options, patience);
    const wire = new Wire(stream);
    const giveUp = () => wire.abandon(new ConnectionLostError("no answer"));
    patience.addEventListener("abort", giveUp, { once: true });
    try {
      await wire.query(`KILL CONNECTION ${threadId}`);
    } finally {
      patience.removeEventListener("abort", giveUp);
      await destroyStream(stream);
    }
  } catch {
    // Then the cut connection has to do.
  }
}
