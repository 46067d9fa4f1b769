/** The Unix socket of a server whose host is a folder, as libpq names it; undefined for TCP. */
export const socketPath = (endpoint: { host: string; port: number }): string | undefined =>
  endpoint.host.startsWith("/") ? `${endpoint.host}/.s.PGSQL.${endpoint.port}` : undefined;
