import type { EventEmitter } from "node:events";

/** What `pg` has at run time and its published types leave out. */
declare module "pg" {
  interface ClientConfig {
    /** The connection to speak over, instead of one that the client makes. */
    connection?: Connection;
    /** More iterations of SCRAM than this are refused. */
    scramMaxIterations?: number;
    /** The connection reads it under this name, the client under `sslnegotiation`. */
    sslNegotiation?: "postgres" | "direct";
    replication?: "database";
  }

  interface Connection {
    connect(portOrPath: number | string, host?: string): void;
    /** Parses what `stream` emits as `data`, and emits an event for each message. */
    attachListeners(stream: EventEmitter): void;
    requestSsl(): void;
    startup(parameters: Readonly<Record<string, string>>): void;
    sendSASLInitialResponseMessage(mechanism: string, response: string): void;
    cancel(processId: number, secretKey: number): void;
    endCopyFrom(): void;
    sendCopyFail(reason: string): void;
  }
}
