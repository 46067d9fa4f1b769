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

export const NO_TLS = "the server does not offer TLS; where nobody can listen on the way, set ssl: disable " +
  "(another machine has to be in plain_hosts_allow of the operator's policy, too)";

/** What the TLS handshake met, and what to write where the server's certificate is not taken. */
export function handshakeFault(error: unknown, serverNameKey = "ssl_server_name"): string {
  const met = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || /altnames|NotValidForName/i.test(met)) {
    return `the TLS handshake failed, the server's certificate is for another name: ${met}; write as host what it is for, or name that in ${serverNameKey}`;
  }
  if (
    /self[- ]signed|UnknownIssuer|verify the first|issuer certificate|UNABLE_TO_(?:GET|VERIFY)/i.test(
      `${code} ${met}`,
    )
  ) {
    return `the TLS handshake failed, no known authority vouches for the server's certificate: ${met}; name its authority's PEM file in ssl_ca, ` +
      "or take any certificate with ssl: require";
  }
  return `the TLS handshake failed: ${met}`;
}
