/** As Deno's permissions want it, an IPv6 address in brackets. */
export const hostPermission = (host: string, port: number): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`;

const THIS_MACHINE = ["127.0.0.1", "::1"];

/** The same for all usual ways to write a server: without case, a dot at its end, and the addresses of this machine. */
export function serverName(host: string, port: number): string {
  const name = host.toLowerCase().replace(/\.$/, "");
  return `${THIS_MACHINE.includes(name) ? "localhost" : name}:${port}`;
}
