/** The connection could not be made, or ended before the answer did. */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
}

/** The server and this client do not agree on authentication or encryption. */
export class HandshakeError extends Error {
  override readonly name = "HandshakeError";
  readonly kind: "authentication" | "encryption";

  constructor(kind: "authentication" | "encryption", message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** What a socket's error means, in words. */
export function describeSocketError(error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connection refused",
    ECONNRESET: "the connection was reset",
    EPIPE: "the connection was reset",
    ENOTFOUND: "no host of that name",
    ETIMEDOUT: "no answer",
    EHOSTUNREACH: "the host cannot be reached",
    ENETUNREACH: "the network cannot be reached",
    ENOENT: "no socket at that path",
  };
  return known[code] ?? error.message;
}
