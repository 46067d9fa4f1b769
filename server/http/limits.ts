/** What a client may take of the server; see docs/operations.md. */
export interface Limits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Of all bodies that are coming in or being worked on. */
  readonly bodyBytes: number;
  readonly bodyBytesPerAddress: number;
  /** From the connection, or the request's first byte, to the end of its headers. */
  readonly headersMs: number;
  /** From its first byte to the end of its body. */
  readonly requestMs: number;
  /** Between two requests of one connection. */
  readonly idleMs: number;
  /** While a client takes nothing of a response. */
  readonly stallMs: number;
}

const MAX_CONNECTIONS = 2_000;
/** The rest is for the stores, the runs' processes and what comes in while a connection is closed. */
const SHARE_OF_FILES = 0.4;

/** A body is 5 MiB at most. */
const BODY_BYTES = 128 * 1_024 * 1_024;

const TIMES = { headersMs: 10_000, requestMs: 60_000, idleMs: 75_000, stallMs: 60_000 } as const;

/** As many connections as the process has files for, and of one address half of them. */
export function defaultLimits(trustProxy: boolean): Limits {
  const files = readFileLimit();
  const connections = Math.min(MAX_CONNECTIONS, Math.max(16, Math.floor(files * SHARE_OF_FILES)));
  return {
    ...TIMES,
    connections,
    connectionsPerAddress: trustProxy ? connections : Math.ceil(connections / 2),
    bodyBytes: BODY_BYTES,
    bodyBytesPerAddress: trustProxy ? BODY_BYTES : BODY_BYTES / 2,
  };
}

/** How many files the process may have open; a careful guess where the system does not say. */
function readFileLimit(): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"))?.[1];
    return found === undefined ? 1_024 : Number(found);
  } catch {
    return 1_024;
  }
}
