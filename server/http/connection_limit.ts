import type { Socket } from "node:net";

export interface ConnectionLimitOptions {
  /** Connections open at the same time. */
  readonly total: number;
  /** Of one client's address. */
  readonly perAddress: number;
  /** Called for each connection that is closed or refused to make room. */
  readonly onFull?: (address: string) => void;
}

/** In the order in which they are given up for a new connection; `responding` never is. */
type Phase = "idle" | "receiving" | "responding";

interface Connection {
  readonly address: string;
  phase: Phase;
}

/**
 * Keeps the number of open connections within what the process can hold: it would have no file left
 * for its own work, and Deno's listener never recovers from an accept that fails for want of one.
 * Where there are too many, the one that has been idle longest makes room (a browser opens another when it
 * needs it), then one whose request is still coming in; a request that is being served is left alone,
 * and where there is nothing else, the newcomer is refused.
 */
export class ConnectionLimit {
  readonly #options: ConnectionLimitOptions;
  readonly #connections = new Map<Socket, Connection>();
  readonly #countOfAddress = new Map<string, number>();
  /** Those of a phase, the longest in it first. */
  readonly #inPhase: Readonly<Record<Phase, Set<Socket>>> = {
    idle: new Set(),
    receiving: new Set(),
    responding: new Set(),
  };

  constructor(options: ConnectionLimitOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Takes a new connection in, or closes it; false where it was closed. */
  admit(socket: Socket): boolean {
    const { total, perAddress, onFull } = this.#options;
    const address = socket.remoteAddress ?? "unknown";
    const isOverAddress = (this.#countOfAddress.get(address) ?? 0) >= perAddress;
    if (isOverAddress || this.#connections.size >= total) {
      onFull?.(address);
      if (!this.#makeRoom(isOverAddress ? address : undefined)) {
        socket.destroy();
        return false;
      }
    }
    this.#connections.set(socket, { address, phase: "idle" });
    this.#countOfAddress.set(address, (this.#countOfAddress.get(address) ?? 0) + 1);
    this.#inPhase.idle.add(socket);
    socket.once("close", () => this.#forget(socket));
    return true;
  }

  /** Says what the connection is at now; one that is closed already is let be. */
  enter(socket: Socket, phase: Phase): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    this.#inPhase[connection.phase].delete(socket);
    connection.phase = phase;
    this.#inPhase[phase].add(socket);
  }

  #makeRoom(address: string | undefined): boolean {
    for (const phase of ["idle", "receiving"] as const) {
      for (const socket of this.#inPhase[phase]) {
        if (address !== undefined && this.#connections.get(socket)?.address !== address) continue;
        // Forgotten at once: its own close comes later, and more connections may come before.
        this.#forget(socket);
        socket.destroy();
        return true;
      }
    }
    return false;
  }

  #forget(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    this.#connections.delete(socket);
    this.#inPhase[connection.phase].delete(socket);
    const left = (this.#countOfAddress.get(connection.address) ?? 1) - 1;
    if (left > 0) this.#countOfAddress.set(connection.address, left);
    else this.#countOfAddress.delete(connection.address);
  }
}
